-- Submissions of many clinics are written by one transaction. Its session is tied to the clinics of its batch
-- (sarcoscreen.clinic_ids), and sees and writes their rows only. The role may read what a batch must find out (which key
-- was used, who stands under a reference, which case is open), and neither answers nor anything that is sealed.
--
-- The list is read once a statement, not once a row: policies take it from a subquery.

create function current_clinics() returns uuid[] language sql stable parallel safe
    as $$ select nullif(current_setting('sarcoscreen.clinic_ids', true), '')::uuid[] $$;

grant insert on idempotency_keys, subjects, follow_ups, follow_up_events, submissions to sarcoscreen_writer;
grant select, update on idempotency_keys to sarcoscreen_writer;
grant select (clinic_id, subject_id, reference_hash, merged_into, updated_at), update (updated_at) on subjects to sarcoscreen_writer;
grant select (clinic_id, follow_up_id, subject_id, state, urgency, assignee, attempts, missed_appointments, due_at,
              appointment_at, last_received_at, band, findings, positive_instruments, updated_at, row_version),
      update (urgency, due_at, last_received_at, band, findings, positive_instruments, updated_at, row_version)
    on follow_ups to sarcoscreen_writer;

do $$
declare
    name text;
begin
    foreach name in array array['idempotency_keys', 'subjects', 'follow_ups', 'follow_up_events', 'submissions'] loop
        execute format(
            'create policy %I on %I to sarcoscreen_writer using (clinic_id = any ((select current_clinics())::uuid[]))
             with check (clinic_id = any ((select current_clinics())::uuid[]))', name || '_writer', name);
    end loop;
end
$$;
