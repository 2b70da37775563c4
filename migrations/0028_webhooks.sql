-- Webhooks. An event is a row of webhook_deliveries for each endpoint that subscribes, written by the transaction that
-- does the work: what is committed is told, and nothing else. A row holds ids, states and urgencies only.
--
-- No foreign key ties a delivery to its endpoint: an endpoint that an admin removes must not fail a submission that is
-- being written at that moment. What is left of it is never sent, and leaves with the log.

create table webhook_endpoints (
    clinic_id              uuid        not null,
    webhook_id             uuid        not null,
    url                    text        not null,
    description            text,
    events                 text[]      not null,
    secret_sealed          bytea       not null,
    previous_secret_sealed bytea,
    previous_until         timestamptz,
    created_at             timestamptz not null,
    -- Since when every attempt has failed.
    failing_since          timestamptz,
    disabled_at            timestamptz,
    disabled_reason        text,
    constraint webhook_endpoints_pkey primary key (clinic_id, webhook_id),
    constraint webhook_endpoints_previous check ((previous_secret_sealed is null) = (previous_until is null)),
    constraint webhook_endpoints_disabled check ((disabled_at is null) = (disabled_reason is null)),
    constraint webhook_endpoints_reason check (disabled_reason in ('admin', 'gone', 'failing'))
);

create table webhook_deliveries (
    clinic_id    uuid        not null,
    webhook_id   uuid        not null,
    event_id     uuid        not null,
    event        text        not null,
    at           timestamptz not null,
    subject_id   uuid,
    data         jsonb       not null,
    state        text        not null default 'pending',
    -- Attempts since it was put into the queue, or back into it.
    attempts     smallint    not null default 0,
    due_at       timestamptz not null,
    -- Each lease has a number; only its holder may say what came of it.
    lease        integer     not null default 0,
    leased_until timestamptz,
    delivered_at timestamptz,
    constraint webhook_deliveries_pkey primary key (clinic_id, webhook_id, event_id),
    constraint webhook_deliveries_state check (state in ('pending', 'delivered', 'failed'))
) with (fillfactor = 80);

create index webhook_deliveries_due_idx on webhook_deliveries (clinic_id, webhook_id, due_at) where state = 'pending';
create index webhook_deliveries_log_idx on webhook_deliveries (clinic_id, webhook_id, at, event_id);
create index webhook_deliveries_subject_idx on webhook_deliveries (clinic_id, subject_id);
create index webhook_deliveries_age_idx on webhook_deliveries (clinic_id, at);

create table webhook_attempts (
    clinic_id   uuid        not null,
    webhook_id  uuid        not null,
    event_id    uuid        not null,
    lease       integer     not null,
    at          timestamptz not null,
    status      smallint,
    failure     text,
    duration_ms integer     not null,
    constraint webhook_attempts_pkey primary key (clinic_id, webhook_id, event_id, lease),
    constraint webhook_attempts_result check ((status is null) = (failure is not null))
);

alter table audit_entries
    drop constraint audit_entries_action_known,
    add constraint audit_entries_action_known check (action in (
        'submission_created', 'submission_read', 'submission_assessed', 'submissions_listed', 'submissions_exported',
        'submission_retired',
        'follow_ups_listed', 'follow_up_read', 'follow_up_history_read', 'follow_ups_exported', 'follow_up_taken',
        'follow_up_claimed', 'follow_up_released', 'follow_up_reassigned', 'follow_up_contacted', 'follow_up_booked',
        'follow_up_unbooked', 'follow_up_missed', 'follow_up_closed', 'follow_up_reopened', 'follow_up_noted',
        'subjects_searched', 'subject_read', 'subject_history_read', 'subject_submissions_listed', 'contact_changed',
        'consent_changed', 'subjects_merged', 'merge_undone', 'subject_exported', 'subject_erased', 'subject_retired',
        'stats_read', 'audit_entries_listed', 'credential_minted', 'credential_rotated', 'credential_revoked', 'credential_changed',
        'credentials_listed', 'clinic_changed', 'sign_in_failed',
        'webhook_created', 'webhooks_listed', 'webhook_read', 'webhook_changed', 'webhook_deleted',
        'webhook_secret_rotated', 'webhook_pinged', 'webhook_deliveries_listed', 'webhook_redelivered', 'webhook_disabled'
    ));
