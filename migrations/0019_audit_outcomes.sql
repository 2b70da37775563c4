-- The trail also holds looks and refusals: the outcome of what was tried, everybody a list showed, and how often
-- something happened where it is told in one entry. What nobody signed in for belongs to no clinic: the nil clinic, the
-- system's own part of the trail.

alter table audit_entries
    drop constraint audit_entries_clinic_fkey,
    drop constraint audit_entries_action_known,
    add column outcome text not null default 'success',
    add column subject_ids uuid[] not null default '{}',
    add column occurrences integer not null default 1,
    add constraint audit_entries_outcome_known check (
        outcome in ('success', 'refused', 'not_found', 'conflict', 'invalid', 'failed')
    ),
    add constraint audit_entries_occurrences_counted check (occurrences >= 1),
    add constraint audit_entries_action_known check (action in (
        'submission_created', 'submission_read', 'submission_assessed', 'submissions_listed', 'submissions_exported',
        'submission_retired',
        'follow_ups_listed', 'follow_up_read', 'follow_up_history_read', 'follow_ups_exported', 'follow_up_taken',
        'follow_up_claimed', 'follow_up_released', 'follow_up_reassigned', 'follow_up_contacted', 'follow_up_booked',
        'follow_up_unbooked', 'follow_up_missed', 'follow_up_closed', 'follow_up_reopened', 'follow_up_noted',
        'subjects_searched', 'subject_read', 'subject_history_read', 'subject_submissions_listed', 'contact_changed',
        'consent_changed', 'subjects_merged', 'merge_undone', 'subject_exported', 'subject_erased', 'subject_retired',
        'stats_read', 'audit_entries_listed', 'credential_minted', 'credential_rotated', 'credential_revoked', 'credential_changed',
        'credentials_listed', 'clinic_changed', 'sign_in_failed'
    ));

create index audit_entries_subject_idx on audit_entries (clinic_id, subject_id, at, audit_entry_id)
    where subject_id is not null;
