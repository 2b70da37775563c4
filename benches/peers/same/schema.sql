-- The database of a peer with the rows of the service: subject, submission, idempotency key and audit entry, and for a
-- flagged submission a follow-up with its history.

create table subjects (
    subject_id uuid        primary key default gen_random_uuid(),
    reference  text        unique,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table follow_ups (
    follow_up_id     uuid        primary key default gen_random_uuid(),
    subject_id       uuid        not null references subjects,
    state            text        not null default 'open' check (state in ('open', 'closed')),
    urgency          smallint    not null check (urgency between 1 and 3),
    flagged_at       timestamptz not null default now(),
    due_at           timestamptz not null,
    last_received_at timestamptz not null default now(),
    version          integer     not null default 1
);
create unique index follow_ups_one_open on follow_ups (subject_id) where state = 'open';
create index follow_ups_worklist_idx on follow_ups (urgency, flagged_at, follow_up_id) where state = 'open';
create index follow_ups_due_idx on follow_ups (due_at, follow_up_id) where state = 'open';

create table submissions (
    submission_id uuid        primary key,
    subject_id    uuid        not null references subjects,
    received_at   timestamptz not null default now(),
    rule_table    text        not null,
    answers       jsonb       not null,
    total         smallint    not null,
    band          text        not null check (band in ('low', 'moderate', 'high')),
    flagged       boolean     not null,
    findings      jsonb       not null,
    follow_up_id  uuid        references follow_ups
);
create index submissions_received_idx on submissions (received_at desc, submission_id desc);
create index submissions_subject_idx on submissions (subject_id, received_at desc);
create index submissions_follow_up_idx on submissions (follow_up_id, received_at desc) where follow_up_id is not null;

create table follow_up_events (
    follow_up_id  uuid        not null references follow_ups,
    version       integer     not null,
    at            timestamptz not null default now(),
    command       text        not null check (command in ('open', 'join')),
    submission_id uuid        not null references submissions,
    urgency       smallint    not null,
    primary key (follow_up_id, version)
);

create table idempotency_keys (
    idempotency_key text        primary key,
    submission_id   uuid        not null references submissions,
    expires_at      timestamptz not null default now() + interval '72 hours'
);
create index idempotency_keys_expiry_idx on idempotency_keys (expires_at);

create table audit_entries (
    audit_entry_id uuid        primary key default gen_random_uuid(),
    at             timestamptz not null default now(),
    action         text        not null,
    submission_id  uuid        not null references submissions,
    subject_id     uuid        not null references subjects
);
create index audit_entries_at_idx on audit_entries (at desc, audit_entry_id desc);
create index audit_entries_subject_idx on audit_entries (subject_id, at desc);
