-- The history of a case: one row for each of its versions, with what was done, by whom, and the case as it stood
-- afterwards. A retried command is answered from here. Notes are sealed; rows are never changed, and leave only with
-- their case.

create table follow_up_events (
    clinic_id            uuid        not null,
    follow_up_id         uuid        not null,
    version              integer     not null,
    at                   timestamptz not null,
    credential_id        uuid,
    command              text        not null,
    submission_id        uuid,
    reached              boolean,
    note_sealed          bytea,
    subject_id           uuid        not null,
    state                text        not null,
    urgency              smallint    not null,
    assignee             uuid,
    attempts             smallint    not null,
    missed_appointments  smallint    not null,
    due_at               timestamptz not null,
    appointment_at       timestamptz,
    outcome              text,
    not_needed_reason    text,
    diagnosis            text,
    grip_strength_g      integer,
    five_chair_stands_ms integer,
    closed_at            timestamptz,
    last_received_at     timestamptz not null,
    band                 text        not null,
    positive_instruments text[]      not null,
    constraint follow_up_events_pkey primary key (clinic_id, follow_up_id, version),
    constraint follow_up_events_follow_up_fkey foreign key (clinic_id, follow_up_id)
        references follow_ups (clinic_id, follow_up_id),
    constraint follow_up_events_credential_fkey foreign key (clinic_id, credential_id)
        references credentials (clinic_id, credential_id),
    constraint follow_up_events_command_known check (command in (
        'open', 'join', 'claim', 'release', 'reassign', 'contact', 'book', 'unbook', 'did_not_attend', 'close',
        'reopen', 'note', 'merge', 'unmerge'
    ))
);

insert into follow_up_events (
    clinic_id, follow_up_id, version, at, command, subject_id, state, urgency, attempts, missed_appointments, due_at,
    last_received_at, band, positive_instruments
)
select clinic_id, follow_up_id, row_version, updated_at, 'open', subject_id, state, urgency, attempts,
       missed_appointments, due_at, last_received_at, band, positive_instruments
from follow_ups;

-- All but the note, which is sealed anew when the master key changes.
create trigger follow_up_events_immutable before update of
    clinic_id, follow_up_id, version, at, credential_id, command, submission_id, reached, subject_id, state, urgency,
    assignee, attempts, missed_appointments, due_at, appointment_at, outcome, not_needed_reason, diagnosis,
    grip_strength_g, five_chair_stands_ms, closed_at, last_received_at, band, positive_instruments
    on follow_up_events for each row execute function refuse_change();
