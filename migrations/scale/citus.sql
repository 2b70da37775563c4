-- Distributes the tables of a migrated database over a Citus cluster by clinic_id. README.md beside this file says when
-- and how to run it, what then no longer holds, and what was tried. Run it on the coordinator as the owner of the tables,
-- while no instance of the service runs.

begin;

-- One connection to each node for the whole transaction: each table is distributed after others were changed.
set local citus.multi_shard_modify_mode = 'sequential';
-- The triggers that refuse changes move to the shards with their tables.
set local citus.enable_unsafe_triggers = on;

-- No foreign key may exist while one of its tables is distributed and the other is not.
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
-- These stay away. A distributed table cannot have a key that sets a column to null.
alter table submissions drop constraint submissions_supersedes_fkey;
-- A new credential would lock its clinic, which the roles that add credentials may not change.
alter table credentials drop constraint credentials_clinic_fkey;
-- rule_tables stays a table of the coordinator.
alter table submissions drop constraint submissions_rule_table_fkey;

-- The owner copies every row. Row security stays enabled, and is forced again at the end.
do $$
declare
    name text;
begin
    foreach name in array array[
        'clinics', 'credentials', 'subjects', 'subject_changes', 'subject_search_terms', 'subject_merges', 'follow_ups',
        'follow_up_events', 'submissions', 'idempotency_keys', 'audit_entries', 'audit_pending',
        'audit_seals', 'audit_tombstones', 'daily_counts',
        'webhook_endpoints', 'webhook_deliveries', 'webhook_attempts',
        'used_tokens'
    ] loop
        execute format('alter table %I no force row level security', name);
    end loop;
end
$$;

-- A policy of a distributed table cannot have a subquery. The writer of submissions gets the same policies without one.
-- Entries of the audit log that belong to no clinic are visible to background work if they are the system's.
do $$
declare
    name text;
begin
    foreach name in array array['idempotency_keys', 'subjects', 'follow_up_events', 'submissions', 'follow_ups',
                                'webhook_endpoints', 'webhook_deliveries'] loop
        execute format('drop policy %I on %I', name || '_writer', name);
    end loop;
    foreach name in array array['idempotency_keys', 'subjects', 'follow_up_events', 'submissions'] loop
        execute format(
            'create policy %I on %I to sarcoscreen_writer using (clinic_id = any (current_clinics()))
             with check (clinic_id = any (current_clinics()))', name || '_writer', name);
    end loop;
    foreach name in array array['audit_entries', 'audit_seals', 'audit_tombstones'] loop
        execute format('drop policy %I on %I', name || '_jobs_strays', name);
        execute format(
            'create policy %I on %I for select to sarcoscreen_jobs
             using (current_clinic() is null and clinic_id = ''00000000-0000-0000-0000-000000000000'')',
            name || '_jobs_strays', name);
    end loop;
end
$$;
create policy follow_ups_writer on follow_ups to sarcoscreen_writer
    using (clinic_id = any (current_clinics()) and state <> 'closed')
    with check (clinic_id = any (current_clinics()) and state <> 'closed');
create policy webhook_endpoints_writer on webhook_endpoints for select to sarcoscreen_writer
    using (clinic_id = any (current_clinics()));
create policy webhook_deliveries_writer on webhook_deliveries for insert to sarcoscreen_writer
    with check (clinic_id = any (current_clinics()));
-- Pruning the audit log has one role from its beginning to its end: the owner, who also adds the entry about it.
create policy audit_entries_owner_insert on audit_entries for insert to current_user with check (clinic_id = current_clinic());
create policy audit_pending_owner_insert on audit_pending for insert to current_user with check (clinic_id = current_clinic());

-- The policies call these on every node.
select create_distributed_function('current_clinic()');
select create_distributed_function('current_clinics()');

-- Small, read everywhere, and found without a clinic: whole on every node. rule_tables and master_key_checks stay on the
-- coordinator, which alone reads them.
select create_reference_table('clinics');
select create_reference_table('credentials');
select create_reference_table('write_probes');

-- Everything else is stored with its clinic.
select create_distributed_table('subjects', 'clinic_id');
select create_distributed_table('subject_changes', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('subject_search_terms', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('subject_merges', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('follow_ups', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('follow_up_events', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('submissions', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('idempotency_keys', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('audit_entries', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('audit_pending', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('audit_seals', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('audit_tombstones', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('daily_counts', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('webhook_endpoints', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('webhook_deliveries', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('webhook_attempts', 'clinic_id', colocate_with => 'subjects');
select create_distributed_table('used_tokens', 'clinic_id', colocate_with => 'subjects');

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

do $$
declare
    name text;
begin
    foreach name in array array[
        'clinics', 'credentials', 'subjects', 'subject_changes', 'subject_search_terms', 'subject_merges', 'follow_ups',
        'follow_up_events', 'submissions', 'idempotency_keys', 'audit_entries', 'audit_pending',
        'audit_seals', 'audit_tombstones', 'daily_counts',
        'webhook_endpoints', 'webhook_deliveries', 'webhook_attempts',
        'used_tokens'
    ] loop
        execute format('alter table %I force row level security', name);
    end loop;
end
$$;

commit;
