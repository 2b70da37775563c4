-- Distributes the tables of a migrated database over a Citus cluster by clinic_id. README.md beside this file says when
-- and how to run it, what then holds no longer, and that it was not tried on Citus. Run it on the coordinator as the
-- owner of the tables, while no instance of the service runs.

begin;

-- No foreign key may stand while one of its tables is distributed and the other not yet.
alter table credentials drop constraint credentials_clinic_fkey;
alter table credentials drop constraint credentials_sender_fkey;
alter table subjects drop constraint subjects_clinic_fkey;
alter table subjects drop constraint subjects_merged_into_fkey;
alter table follow_ups drop constraint follow_ups_assignee_fkey;
alter table follow_ups drop constraint follow_ups_subject_fkey;
alter table submissions drop constraint submissions_credential_fkey;
alter table submissions drop constraint submissions_follow_up_fkey;
alter table submissions drop constraint submissions_rule_table_fkey;
alter table submissions drop constraint submissions_subject_fkey;
alter table follow_up_events drop constraint follow_up_events_credential_fkey;
alter table follow_up_events drop constraint follow_up_events_follow_up_fkey;
alter table subject_changes drop constraint subject_changes_subject_fkey;
alter table subject_merges drop constraint subject_merges_kept_fkey;
alter table subject_merges drop constraint subject_merges_merged_fkey;
-- Stays away: a distributed table cannot have a key that sets a column to null.
alter table submissions drop constraint submissions_supersedes_fkey;

-- A distributed table has no triggers. What refuses changes now is that no role of the service may make them.
drop trigger rule_tables_immutable on rule_tables;
drop trigger rule_tables_kept on rule_tables;
drop trigger master_key_checks_immutable on master_key_checks;
drop trigger master_key_checks_kept on master_key_checks;
drop trigger audit_entries_immutable on audit_entries;
drop trigger audit_entries_kept on audit_entries;
drop trigger audit_seals_immutable on audit_seals;
drop trigger audit_seals_kept on audit_seals;
drop trigger audit_tombstones_immutable on audit_tombstones;
drop trigger audit_tombstones_kept on audit_tombstones;
drop trigger follow_up_events_immutable on follow_up_events;
drop trigger subject_changes_immutable on subject_changes;

-- Row security is not relied on: the clinic that a session is set to does not travel to the workers.
do $$
declare
    name text;
    policy record;
begin
    foreach name in array array[
        'clinics', 'credentials', 'subjects', 'subject_changes', 'subject_merges', 'follow_ups',
        'follow_up_events', 'submissions', 'idempotency_keys', 'audit_entries', 'audit_pending',
        'audit_seals', 'audit_tombstones', 'daily_counts',
        'webhook_endpoints', 'webhook_deliveries', 'webhook_attempts',
        'used_tokens'
    ] loop
        for policy in select polname from pg_policy where polrelid = name::regclass loop
            execute format('drop policy %I on %I', policy.polname, name);
        end loop;
        execute format('alter table %I no force row level security', name);
        execute format('alter table %I disable row level security', name);
    end loop;
end
$$;

-- Small, read everywhere, and found without a clinic: whole on every node.
select create_reference_table('clinics');
select create_reference_table('credentials');
select create_reference_table('rule_tables');
select create_reference_table('master_key_checks');
select create_reference_table('write_probes');

-- Everything else lies with its clinic.
select create_distributed_table('subjects', 'clinic_id');
select create_distributed_table('subject_changes', 'clinic_id', colocate_with => 'subjects');
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
alter table subject_merges add constraint subject_merges_kept_fkey
    foreign key (clinic_id, kept)
    references subjects (clinic_id, subject_id);
alter table subject_merges add constraint subject_merges_merged_fkey
    foreign key (clinic_id, merged)
    references subjects (clinic_id, subject_id);

commit;
