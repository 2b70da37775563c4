-- Brings the tables back to the coordinator, as they were before citus.sql. What a correction refers to may have been
-- erased meanwhile, which the foreign key that returns would not suffer.

begin;

set local citus.multi_shard_modify_mode = 'sequential';
set local citus.enable_unsafe_triggers = on;

alter table credentials drop constraint credentials_sender_fkey;
alter table subjects drop constraint subjects_clinic_fkey;
alter table subjects drop constraint subjects_merged_into_fkey;
alter table follow_ups drop constraint follow_ups_assignee_fkey;
alter table follow_ups drop constraint follow_ups_subject_fkey;
alter table submissions drop constraint submissions_credential_fkey;
alter table submissions drop constraint submissions_follow_up_fkey;
alter table submissions drop constraint submissions_subject_fkey;
alter table follow_up_events drop constraint follow_up_events_credential_fkey;
alter table follow_up_events drop constraint follow_up_events_follow_up_fkey;
alter table subject_changes drop constraint subject_changes_subject_fkey;
alter table subject_search_terms drop constraint subject_search_terms_subject_fkey;
alter table subject_merges drop constraint subject_merges_kept_fkey;
alter table subject_merges drop constraint subject_merges_merged_fkey;

drop trigger audit_entries_immutable on audit_entries;
drop trigger audit_entries_kept on audit_entries;
drop trigger audit_seals_immutable on audit_seals;
drop trigger audit_seals_kept on audit_seals;
drop trigger audit_tombstones_immutable on audit_tombstones;
drop trigger audit_tombstones_kept on audit_tombstones;
drop trigger follow_up_events_immutable on follow_up_events;
drop trigger subject_changes_immutable on subject_changes;

-- The owner copies every row.
do $$
declare
    name text;
    policy record;
begin
    foreach name in array array[
        'clinics', 'credentials', 'subjects', 'subject_changes', 'subject_search_terms', 'subject_merges', 'follow_ups',
        'follow_up_events', 'submissions', 'idempotency_keys', 'audit_entries', 'audit_pending',
        'audit_seals', 'audit_tombstones', 'daily_counts',
        'webhook_endpoints', 'webhook_deliveries', 'webhook_attempts',
        'used_tokens', 'staff_sessions'
    ] loop
        execute format('alter table %I no force row level security', name);
        execute format('alter table %I disable row level security', name);
    end loop;
    for policy in
        select p.polname, p.polrelid::regclass as name from pg_policy p join pg_class t on t.oid = p.polrelid
        where t.relnamespace = current_schema()::regnamespace
    loop
        execute format('drop policy %I on %s', policy.polname, policy.name);
    end loop;
end
$$;

select undistribute_table('staff_sessions');
select undistribute_table('used_tokens');
select undistribute_table('write_probes');
select undistribute_table('webhook_attempts');
select undistribute_table('webhook_deliveries');
select undistribute_table('webhook_endpoints');
select undistribute_table('daily_counts');
select undistribute_table('audit_tombstones');
select undistribute_table('audit_seals');
select undistribute_table('audit_pending');
select undistribute_table('audit_entries');
select undistribute_table('idempotency_keys');
select undistribute_table('submissions');
select undistribute_table('follow_up_events');
select undistribute_table('follow_ups');
select undistribute_table('subject_merges');
select undistribute_table('subject_search_terms');
select undistribute_table('subject_changes');
select undistribute_table('subjects');
select undistribute_table('credentials');
select undistribute_table('clinics');

update submissions s set supersedes = null
where supersedes is not null
  and not exists (select from submissions o where o.clinic_id = s.clinic_id and o.submission_id = s.supersedes);

alter table credentials add constraint credentials_clinic_fkey
    foreign key (clinic_id)
    references clinics (clinic_id);
alter table credentials add constraint credentials_sender_fkey
    foreign key (clinic_id, sender_id)
    references credentials (clinic_id, credential_id);
alter table subjects add constraint subjects_clinic_fkey
    foreign key (clinic_id)
    references clinics (clinic_id);
alter table subjects add constraint subjects_merged_into_fkey
    foreign key (clinic_id, merged_into)
    references subjects (clinic_id, subject_id);
alter table follow_ups add constraint follow_ups_assignee_fkey
    foreign key (clinic_id, assignee)
    references credentials (clinic_id, credential_id);
alter table follow_ups add constraint follow_ups_subject_fkey
    foreign key (clinic_id, subject_id)
    references subjects (clinic_id, subject_id);
alter table submissions add constraint submissions_credential_fkey
    foreign key (clinic_id, credential_id)
    references credentials (clinic_id, credential_id);
alter table submissions add constraint submissions_follow_up_fkey
    foreign key (clinic_id, follow_up_id)
    references follow_ups (clinic_id, follow_up_id);
alter table submissions add constraint submissions_rule_table_fkey
    foreign key (rule_table)
    references rule_tables (version);
alter table submissions add constraint submissions_subject_fkey
    foreign key (clinic_id, subject_id)
    references subjects (clinic_id, subject_id);
alter table follow_up_events add constraint follow_up_events_credential_fkey
    foreign key (clinic_id, credential_id)
    references credentials (clinic_id, credential_id);
alter table follow_up_events add constraint follow_up_events_follow_up_fkey
    foreign key (clinic_id, follow_up_id)
    references follow_ups (clinic_id, follow_up_id);
alter table subject_changes add constraint subject_changes_subject_fkey
    foreign key (clinic_id, subject_id)
    references subjects (clinic_id, subject_id);
alter table subject_search_terms add constraint subject_search_terms_subject_fkey
    foreign key (clinic_id, subject_id)
    references subjects (clinic_id, subject_id) on delete cascade;
alter table subject_merges add constraint subject_merges_kept_fkey
    foreign key (clinic_id, kept)
    references subjects (clinic_id, subject_id);
alter table subject_merges add constraint subject_merges_merged_fkey
    foreign key (clinic_id, merged)
    references subjects (clinic_id, subject_id);
alter table submissions add constraint submissions_supersedes_fkey
    foreign key (clinic_id, supersedes)
    references submissions (clinic_id, submission_id) on delete set null (supersedes);

create trigger audit_entries_immutable before update or delete on audit_entries
    for each row execute function refuse_audit_change();
create trigger audit_entries_kept before truncate on audit_entries
    for each statement execute function refuse_change();
create trigger audit_seals_immutable before update or delete on audit_seals
    for each row execute function refuse_audit_change();
create trigger audit_seals_kept before truncate on audit_seals
    for each statement execute function refuse_change();
create trigger audit_tombstones_immutable before update or delete on audit_tombstones
    for each row execute function refuse_change();
create trigger audit_tombstones_kept before truncate on audit_tombstones
    for each statement execute function refuse_change();
create trigger follow_up_events_immutable before update of
    clinic_id, follow_up_id, version, at, credential_id, command, submission_id, reached, after
    on follow_up_events for each row execute function refuse_change();
create trigger subject_changes_immutable before update of
    clinic_id, subject_id, version, at, credential_id, change, merge_id
    on subject_changes for each row execute function refuse_change();

do $$
declare
    name text;
begin
    foreach name in array array[
        'clinics', 'credentials', 'subjects', 'subject_changes', 'subject_search_terms', 'subject_merges', 'follow_ups',
        'follow_up_events', 'submissions', 'idempotency_keys', 'audit_entries', 'audit_pending',
        'audit_seals', 'daily_counts',
        'webhook_endpoints', 'webhook_deliveries', 'webhook_attempts',
        'used_tokens', 'staff_sessions'
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

do $$
declare
    name text;
begin
    foreach name in array array['idempotency_keys', 'subjects', 'follow_up_events', 'submissions'] loop
        execute format(
            'create policy %I on %I to sarcoscreen_writer using (clinic_id = any ((select current_clinics())::uuid[]))
             with check (clinic_id = any ((select current_clinics())::uuid[]))', name || '_writer', name);
    end loop;
end
$$;

create policy follow_ups_writer on follow_ups to sarcoscreen_writer
    using (clinic_id = any ((select current_clinics())::uuid[]) and state <> 'closed')
    with check (clinic_id = any ((select current_clinics())::uuid[]) and state <> 'closed');
create policy audit_entries_writer on audit_entries for insert to sarcoscreen_writer with check (true);
create policy audit_pending_writer on audit_pending for insert to sarcoscreen_writer with check (true);
create policy audit_pending_jobs_list on audit_pending for select to sarcoscreen_jobs using (true);
create policy audit_entries_jobs_strays on audit_entries for select to sarcoscreen_jobs using (
    current_clinic() is null and not exists (select from clinics c where c.clinic_id = audit_entries.clinic_id)
);
create policy audit_seals_jobs_strays on audit_seals for select to sarcoscreen_jobs using (
    current_clinic() is null and not exists (select from clinics c where c.clinic_id = audit_seals.clinic_id)
);
create policy audit_tombstones_jobs_strays on audit_tombstones for select to sarcoscreen_jobs using (
    current_clinic() is null and not exists (select from clinics c where c.clinic_id = audit_tombstones.clinic_id)
);
alter table audit_tombstones enable row level security;
alter table audit_tombstones force row level security;
create policy audit_tombstones_jobs on audit_tombstones to sarcoscreen_jobs using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());
create policy audit_tombstones_owner on audit_tombstones to current_user using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());
create policy audit_entries_owner_select on audit_entries for select to current_user using (clinic_id = current_clinic());
create policy audit_entries_owner_delete on audit_entries for delete to current_user using (clinic_id = current_clinic());
create policy audit_seals_owner_select on audit_seals for select to current_user using (clinic_id = current_clinic());
create policy audit_seals_owner_delete on audit_seals for delete to current_user using (clinic_id = current_clinic());
create policy webhook_endpoints_jobs_list on webhook_endpoints for select to sarcoscreen_jobs using (true);
create policy webhook_deliveries_jobs_list on webhook_deliveries for select to sarcoscreen_jobs using (state = 'pending');
create policy webhook_endpoints_writer on webhook_endpoints for select to sarcoscreen_writer
    using (clinic_id = any ((select current_clinics())::uuid[]));
create policy webhook_deliveries_writer on webhook_deliveries for insert to sarcoscreen_writer
    with check (clinic_id = any ((select current_clinics())::uuid[]));
create policy clinics_jobs_list on clinics for select to sarcoscreen_jobs using (true);
create policy clinics_auth on clinics for select to sarcoscreen_auth using (true);
create policy credentials_auth on credentials for select to sarcoscreen_auth using (true);
create policy credentials_jobs_web_forms on credentials for select to sarcoscreen_jobs using (web_form);

commit;
