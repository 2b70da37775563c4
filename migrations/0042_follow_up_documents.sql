-- The history of a follow-up holds the whole follow-up after each change as one document, with the names and units of the
-- answers: kilograms and seconds. The service decides every change, also those of submissions and merges, and writes what it
-- decided, so the history needs no column for each value. Rows of before keep what they held. They never held findings: the
-- latest version of each follow-up gets those that it has now. They never held when the follow-up was flagged: each version
-- gets the time that the follow-up has now.
--
-- The version before writes columns that are no longer there, so the database refuses its changes of follow-ups.

alter table follow_ups no force row level security;
alter table follow_up_events no force row level security;

drop trigger follow_up_events_immutable on follow_up_events;
alter table follow_up_events add column after jsonb;

update follow_up_events e set after = jsonb_build_object(
    'follow_up_id', e.follow_up_id,
    'subject_id', e.subject_id,
    'state', jsonb_build_object('name', e.state) || case e.state
        when 'open' then '{}'
        when 'booked' then jsonb_build_object('assignee', e.assignee, 'appointment_at', e.appointment_at)
        when 'closed' then jsonb_build_object(
            'assignee', e.assignee, 'appointment_at', e.appointment_at, 'closed_at', e.closed_at,
            'closing', jsonb_build_object('outcome', e.outcome) || case e.outcome
                when 'attended' then jsonb_build_object(
                    'diagnosis', e.diagnosis, 'grip_strength_kg', trim_scale(e.grip_strength_g / 1000.0),
                    'five_chair_stands_s', trim_scale(e.five_chair_stands_ms / 1000.0))
                when 'not_needed' then jsonb_build_object('reason', e.not_needed_reason)
                else '{}'
            end)
        else jsonb_build_object('assignee', e.assignee)
    end,
    'urgency', (array['today', 'this_week', 'routine'])[e.urgency],
    'attempts', e.attempts,
    'missed_appointments', e.missed_appointments,
    'flagged_at', f.flagged_at,
    'due_at', e.due_at,
    'last_received_at', e.last_received_at,
    'band', e.band,
    'positive_instruments', e.positive_instruments,
    'version', e.version
) || case when e.version = f.row_version then jsonb_build_object('findings', f.findings) else '{}' end
from follow_ups f where f.clinic_id = e.clinic_id and f.follow_up_id = e.follow_up_id;

alter table follow_up_events
    alter column after set not null,
    drop column subject_id, drop column state, drop column urgency, drop column assignee, drop column attempts,
    drop column missed_appointments, drop column due_at, drop column appointment_at, drop column outcome,
    drop column not_needed_reason, drop column diagnosis, drop column grip_strength_g, drop column five_chair_stands_ms,
    drop column closed_at, drop column last_received_at, drop column band, drop column positive_instruments;

-- All but the note, which is sealed anew when the master key changes.
create trigger follow_up_events_immutable before update of
    clinic_id, follow_up_id, version, at, credential_id, command, submission_id, reached, after
    on follow_up_events for each row execute function refuse_change();

-- The writer of submissions reads an open follow-up whole, and writes it whole as decided. It sees no closed follow-up and
-- cannot close one, so results of examinations stay out of its sight: only closed follow-ups have them.
drop policy follow_ups_writer on follow_ups;
create policy follow_ups_writer on follow_ups to sarcoscreen_writer
    using (clinic_id = any ((select current_clinics())::uuid[]) and state <> 'closed')
    with check (clinic_id = any ((select current_clinics())::uuid[]) and state <> 'closed');
grant select on follow_ups to sarcoscreen_writer;
grant update (
    subject_id, state, assignee, attempts, missed_appointments, flagged_at, appointment_at, outcome, not_needed_reason,
    diagnosis, grip_strength_g, five_chair_stands_ms, closed_at
) on follow_ups to sarcoscreen_writer;

alter table follow_ups force row level security;
alter table follow_up_events force row level security;
