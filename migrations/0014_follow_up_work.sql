-- What staff do with a case: who has it, how often the person was called, when it is due, the appointment, and how it
-- ended. What the worklist filters by (band, findings, positive instruments, the last submission) is gathered here from
-- the case's submissions, so that a page reads no other table. Measurements are whole grams and milliseconds: exact.

alter table follow_ups
    add column assignee uuid,
    add column attempts smallint not null default 0,
    add column missed_appointments smallint not null default 0,
    add column due_at timestamptz,
    add column appointment_at timestamptz,
    add column outcome text,
    add column not_needed_reason text,
    add column diagnosis text,
    add column grip_strength_g integer,
    add column five_chair_stands_ms integer,
    add column closed_at timestamptz,
    add column last_received_at timestamptz,
    add column band text,
    add column findings text[] not null default '{}',
    add column positive_instruments text[] not null default '{}';

update follow_ups f set
    due_at = f.flagged_at + make_interval(hours => case f.urgency when 1 then 24 when 2 then 168 else 720 end),
    last_received_at = s.last_received_at,
    band = s.band,
    findings = s.findings,
    positive_instruments = s.positive_instruments
from (
    select clinic_id, follow_up_id, max(received_at) as last_received_at,
           (array['low', 'moderate', 'high'])[max(array_position(array['low', 'moderate', 'high'], band_at_least))] as band,
           coalesce((select array_agg(distinct one) from submissions o, unnest(o.findings) one
                     where o.clinic_id = s.clinic_id and o.follow_up_id = s.follow_up_id), '{}') as findings,
           coalesce((select array_agg(distinct one) from submissions o, unnest(o.positive_instruments) one
                     where o.clinic_id = s.clinic_id and o.follow_up_id = s.follow_up_id), '{}') as positive_instruments
    from submissions s where follow_up_id is not null group by clinic_id, follow_up_id
) s where s.clinic_id = f.clinic_id and s.follow_up_id = f.follow_up_id;

alter table follow_ups
    alter column due_at set not null,
    alter column last_received_at set not null,
    alter column band set not null,
    add constraint follow_ups_assignee_fkey foreign key (clinic_id, assignee)
        references credentials (clinic_id, credential_id),
    add constraint follow_ups_assignee_whole check (
        case state when 'open' then assignee is null when 'closed' then true else assignee is not null end
    ),
    add constraint follow_ups_appointment_whole check ((state = 'booked') <= (appointment_at is not null)),
    add constraint follow_ups_closed_whole check (
        (state = 'closed') = (outcome is not null) and (state = 'closed') = (closed_at is not null)
    ),
    add constraint follow_ups_outcome_known check (outcome in ('attended', 'declined', 'unreachable', 'not_needed')),
    add constraint follow_ups_reason_whole check ((outcome is not distinct from 'not_needed') = (not_needed_reason is not null)),
    add constraint follow_ups_reason_known check (
        not_needed_reason in ('already_in_care', 'duplicate', 'entered_in_error', 'merged', 'other')
    ),
    add constraint follow_ups_diagnosis_known check (diagnosis in ('none', 'possible', 'probable', 'confirmed')),
    add constraint follow_ups_findings_whole check (
        outcome is not distinct from 'attended'
        or (diagnosis is null and grip_strength_g is null and five_chair_stands_ms is null)
    ),
    add constraint follow_ups_grip_possible check (grip_strength_g between 0 and 100000),
    add constraint follow_ups_chair_stands_possible check (five_chair_stands_ms between 1000 and 300000),
    add constraint follow_ups_counts_possible check (attempts >= 0 and missed_appointments >= 0),
    add constraint follow_ups_band_known check (band in ('low', 'moderate', 'high'));

create index follow_ups_next_idx on follow_ups (clinic_id, urgency, flagged_at, follow_up_id) where state = 'open';
-- Each order of the worklist has an index over the cases that are not closed, of which there are few, and one over all.
create index follow_ups_oldest_idx on follow_ups (clinic_id, flagged_at, follow_up_id);
create index follow_ups_due_idx on follow_ups (clinic_id, due_at, follow_up_id);
create index follow_ups_worklist_oldest_idx on follow_ups (clinic_id, flagged_at, follow_up_id) where state <> 'closed';
create index follow_ups_worklist_due_idx on follow_ups (clinic_id, due_at, follow_up_id) where state <> 'closed';
create index follow_ups_assignee_idx on follow_ups (clinic_id, assignee, urgency, flagged_at, follow_up_id)
    where state <> 'closed' and assignee is not null;
create index follow_ups_subject_idx on follow_ups (clinic_id, subject_id);
create index follow_ups_closed_idx on follow_ups (clinic_id, closed_at) include (outcome, diagnosis)
    where closed_at is not null;
