-- A person who works on the web pages has a session. Its cookie holds a secret of 256 random bits; the row holds a keyed hash of
-- it. A session belongs to a credential and ends with it. `key_prefix` names the key that began the session; it is null for a
-- person who signed in at the token issuer. A session ends when that key stops working, so a rotation without an overlap ends it.
-- The audit log names signing in and signing out.
--
-- No foreign key to the credential: credentials are never deleted, and each read joins them.

create table staff_sessions (
    clinic_id     uuid        not null,
    token_hash    bytea       not null,
    credential_id uuid        not null,
    key_prefix    text,
    started_at    timestamptz not null,
    last_used_at  timestamptz not null,
    constraint staff_sessions_pkey primary key (clinic_id, token_hash),
    constraint staff_sessions_token_hash_length check (octet_length(token_hash) = 32)
);

grant select, insert, delete on staff_sessions to sarcoscreen_app;
grant update (last_used_at) on staff_sessions to sarcoscreen_app;
-- A row that is locked for its removal counts as updated.
grant select, update, delete on staff_sessions to sarcoscreen_jobs;

alter table staff_sessions enable row level security;
alter table staff_sessions force row level security;
create policy staff_sessions_app on staff_sessions to sarcoscreen_app using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());
create policy staff_sessions_jobs on staff_sessions to sarcoscreen_jobs using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());

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
        'credentials_listed', 'clinic_changed', 'sign_in_failed', 'signed_in', 'signed_out',
        'webhook_created', 'webhooks_listed', 'webhook_read', 'webhook_changed', 'webhook_deleted',
        'webhook_secret_rotated', 'webhook_pinged', 'webhook_deliveries_listed', 'webhook_redelivered', 'webhook_disabled',
        'audit_entries_pruned'
    ));
