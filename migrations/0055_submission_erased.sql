-- An admin erases single submissions, and the audit log names this action.

alter table audit_entries
    drop constraint audit_entries_action_known,
    add constraint audit_entries_action_known check (action in (
        'submission_created', 'submission_read', 'submission_assessed', 'submissions_listed', 'submissions_exported',
        'submission_retired', 'submission_erased',
        'follow_ups_listed', 'follow_up_read', 'follow_up_history_read', 'follow_ups_exported', 'follow_up_taken',
        'follow_up_claimed', 'follow_up_released', 'follow_up_reassigned', 'follow_up_contacted', 'follow_up_booked',
        'follow_up_unbooked', 'follow_up_missed', 'follow_up_closed', 'follow_up_reopened', 'follow_up_noted',
        'subjects_searched', 'subject_read', 'subject_history_read', 'subject_submissions_listed', 'contact_changed',
        'consent_changed', 'subjects_merged', 'merge_undone', 'subject_exported', 'subject_erased', 'subject_retired',
        'stats_read', 'audit_entries_listed', 'credential_minted', 'credential_rotated', 'credential_revoked', 'credential_changed',
        'credentials_listed', 'clinic_changed', 'sign_in_failed',
        'webhook_created', 'webhooks_listed', 'webhook_read', 'webhook_changed', 'webhook_deleted',
        'webhook_secret_rotated', 'webhook_pinged', 'webhook_deliveries_listed', 'webhook_redelivered', 'webhook_disabled',
        'audit_entries_pruned'
    ));
