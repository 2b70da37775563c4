-- The database of a peer with narrow rows: a submission is one row, with a second one if it is flagged.

create table submissions (
    submission_id   uuid        primary key default gen_random_uuid(),
    idempotency_key text        not null unique,
    received_at     timestamptz not null default now(),
    reference       text,
    rule_table      text        not null,
    answers         jsonb       not null,
    total           smallint    not null,
    band            text        not null check (band in ('low', 'moderate', 'high')),
    flagged         boolean     not null,
    findings        jsonb       not null
);
create index submissions_received_idx on submissions (received_at desc, submission_id desc);
create index submissions_reference_idx on submissions (reference) where reference is not null;

create table follow_ups (
    follow_up_id  uuid        primary key default gen_random_uuid(),
    submission_id uuid        not null unique references submissions,
    state         text        not null default 'open' check (state in ('open', 'closed')),
    urgency       smallint    not null check (urgency between 1 and 3),
    flagged_at    timestamptz not null
);
create index follow_ups_worklist_idx on follow_ups (urgency, flagged_at, follow_up_id) where state = 'open';
