-- Who may do what with webhooks. The writer of submissions finds out which endpoints subscribe, neither where they are nor
-- what signs for them, and adds deliveries. Background work finds out over all clinics which endpoints have something due,
-- then works in one clinic after the other.

grant select, insert, update, delete on webhook_endpoints to sarcoscreen_app;
grant select, insert, update, delete on webhook_deliveries to sarcoscreen_app;
grant select, delete on webhook_attempts to sarcoscreen_app;
grant select, update on webhook_endpoints to sarcoscreen_jobs;
grant select, insert, update, delete on webhook_deliveries to sarcoscreen_jobs;
grant select, insert, delete on webhook_attempts to sarcoscreen_jobs;
grant select (clinic_id, webhook_id, events, disabled_at) on webhook_endpoints to sarcoscreen_writer;
grant insert on webhook_deliveries to sarcoscreen_writer;

do $$
declare
    name text;
begin
    foreach name in array array['webhook_endpoints', 'webhook_deliveries', 'webhook_attempts'] loop
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

create policy webhook_endpoints_jobs_list on webhook_endpoints for select to sarcoscreen_jobs using (true);
create policy webhook_deliveries_jobs_list on webhook_deliveries for select to sarcoscreen_jobs using (state = 'pending');
create policy webhook_endpoints_writer on webhook_endpoints for select to sarcoscreen_writer
    using (clinic_id = any ((select current_clinics())::uuid[]));
create policy webhook_deliveries_writer on webhook_deliveries for insert to sarcoscreen_writer
    with check (clinic_id = any ((select current_clinics())::uuid[]));
