-- A second wall behind the queries: the service works as roles that own nothing, and every row is tied to the clinic that
-- the session is set to (sarcoscreen.clinic_id). A query that forgot its clinic finds nothing; a session that was not set
-- finds nothing either.
--
--   sarcoscreen_app     what a signed-in person does: one clinic; nothing of the trail can be changed, nothing deleted
--   sarcoscreen_writer  adds to the trail, for every clinic, and reads nothing
--   sarcoscreen_auth    finds out who signs in: credentials and clinics of all
--   sarcoscreen_jobs    the operator and background work: one clinic after the other; may delete; lists every clinic
--
-- Roles belong to the whole cluster, so they may be there already; where the owner may not create roles, the operator
-- creates them first (README). Row security is forced, so not even the owner passes by it by accident; a migration that
-- changes rows lifts it for its own transaction.

do $$
declare
    name text;
begin
    foreach name in array array['sarcoscreen_app', 'sarcoscreen_writer', 'sarcoscreen_auth', 'sarcoscreen_jobs'] loop
        begin
            if not exists (select from pg_roles where rolname = name) then
                execute format('create role %I nologin', name);
            end if;
        exception when duplicate_object or unique_violation then
            null; -- another database of this cluster was faster
        end;
        if not pg_has_role(current_user, name, 'member') then
            execute format('grant %I to %I', name, current_user);
        end if;
        execute format('grant usage on schema %I to %I', current_schema(), name);
    end loop;
end
$$;

create function current_clinic() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('sarcoscreen.clinic_id', true), '')::uuid $$;

grant select, insert on rule_tables, master_key_checks to sarcoscreen_app;
grant select on rule_tables, master_key_checks to sarcoscreen_jobs;

grant select on clinics to sarcoscreen_app, sarcoscreen_auth;
grant select, insert, update on clinics to sarcoscreen_jobs;

grant select, insert, update on credentials to sarcoscreen_app;
grant select on credentials to sarcoscreen_auth;
grant select on credentials to sarcoscreen_jobs;

grant select, insert, update on subjects, follow_ups, subject_merges, idempotency_keys to sarcoscreen_app;
grant select, insert on submissions, follow_up_events, subject_changes, audit_entries to sarcoscreen_app;
grant update (subject_id, follow_up_id) on submissions to sarcoscreen_app;
grant insert on audit_pending to sarcoscreen_app;
grant select on daily_counts, audit_seals to sarcoscreen_app;

grant insert on audit_entries, audit_pending to sarcoscreen_writer;

grant select, update, delete on subjects, follow_ups, submissions, subject_changes, subject_merges, idempotency_keys
    to sarcoscreen_jobs;
grant select, delete on follow_up_events to sarcoscreen_jobs;
grant update (note_sealed) on follow_up_events to sarcoscreen_jobs;
grant select, insert, update, delete on daily_counts to sarcoscreen_jobs;
grant select, insert on audit_entries, audit_seals to sarcoscreen_jobs;
grant select, insert, delete on audit_pending to sarcoscreen_jobs;

do $$
declare
    name text;
begin
    foreach name in array array[
        'clinics', 'credentials', 'subjects', 'subject_changes', 'subject_merges', 'submissions', 'follow_ups',
        'follow_up_events', 'idempotency_keys', 'audit_entries', 'audit_pending', 'audit_seals', 'daily_counts'
    ] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy %I on %I to sarcoscreen_app using (clinic_id = current_clinic())
             with check (clinic_id = current_clinic())', name || '_app', name);
        execute format(
            'create policy %I on %I to sarcoscreen_jobs using (clinic_id = current_clinic())
             with check (clinic_id = current_clinic())', name || '_jobs', name);
    end loop;
end
$$;

create policy audit_entries_writer on audit_entries for insert to sarcoscreen_writer with check (true);
create policy audit_pending_writer on audit_pending for insert to sarcoscreen_writer with check (true);
-- Which clinics have entries that wait for a seal, and what of the trail belongs to no clinic that there is: the system's
-- part, and what somebody put there.
create policy audit_pending_jobs_list on audit_pending for select to sarcoscreen_jobs using (true);
create policy audit_entries_jobs_strays on audit_entries for select to sarcoscreen_jobs using (
    current_clinic() is null and not exists (select from clinics c where c.clinic_id = audit_entries.clinic_id)
);
create policy audit_seals_jobs_strays on audit_seals for select to sarcoscreen_jobs using (
    current_clinic() is null and not exists (select from clinics c where c.clinic_id = audit_seals.clinic_id)
);
create policy clinics_jobs_list on clinics for select to sarcoscreen_jobs using (true);
create policy clinics_auth on clinics for select to sarcoscreen_auth using (true);
create policy credentials_auth on credentials for select to sarcoscreen_auth using (true);
