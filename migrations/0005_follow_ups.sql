-- A follow-up is the staff case that a flagged submission opens. One open case a person: the partial unique index
-- decides whether a submission opens a case or joins one, whatever races. Urgency is a rank, so that the worklist
-- (most urgent, then oldest) is one ascending index.

create table follow_ups (
    clinic_id    uuid        not null,
    follow_up_id uuid        not null,
    subject_id   uuid        not null,
    state        text        not null,
    urgency      smallint    not null,
    flagged_at   timestamptz not null,
    updated_at   timestamptz not null,
    row_version  integer     not null default 1,
    constraint follow_ups_pkey primary key (clinic_id, follow_up_id),
    constraint follow_ups_subject_fkey foreign key (clinic_id, subject_id) references subjects (clinic_id, subject_id),
    constraint follow_ups_state_known check (state in ('open', 'assigned', 'contacted', 'booked', 'closed')),
    constraint follow_ups_urgency_known check (urgency between 1 and 3)
);

create unique index follow_ups_one_open on follow_ups (clinic_id, subject_id) where state <> 'closed';
create index follow_ups_worklist_idx on follow_ups (clinic_id, urgency, flagged_at, follow_up_id)
    include (subject_id, state, row_version) where state <> 'closed';
create index follow_ups_all_idx on follow_ups (clinic_id, urgency, flagged_at, follow_up_id);
