-- Retention of the audit log. A clinic may set how many years its entries are kept, three at least; without that nothing
-- leaves. Only the owner of the tables removes entries (`sarcoscreen audit prune`), by whole seals from the beginning of the
-- chain. A tombstone takes their place: a keyed hash over what was removed and over the last removed seal, which the next
-- seal follows. The roles of the service read tombstones, and have no right to delete.
--
-- A row is removed only in a transaction that names its clinic (sarcoscreen.audit_prune), by an account that has the
-- rights of the owner. Row security is forced on the owner too, so the owner has policies of its own.

alter table clinics
    add column audit_retention_years integer,
    add constraint clinics_audit_retention_long check (audit_retention_years between 3 and 100);

create table audit_tombstones (
    clinic_id    uuid        not null,
    first_seal   bigint      not null,
    last_seal    bigint      not null,
    entries      bigint      not null,
    -- The times of the oldest and the newest entry that were removed.
    first_at     timestamptz not null,
    last_at      timestamptz not null,
    -- The hash of the seal before the first removed one, and of the last removed one.
    previous_mac bytea       not null,
    last_mac     bytea       not null,
    pruned_at    timestamptz not null,
    key_version  smallint    not null,
    mac          bytea       not null,
    constraint audit_tombstones_pkey primary key (clinic_id, first_seal),
    constraint audit_tombstones_ordered check (1 <= first_seal and first_seal <= last_seal),
    constraint audit_tombstones_mac_length check (
        octet_length(mac) = 32 and octet_length(previous_mac) = 32 and octet_length(last_mac) = 32
    )
);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('sarcoscreen.audit_prune', true) = old.clinic_id::text
        and pg_has_role(current_user, (select relowner from pg_class where oid = tg_relid), 'usage')
    then
        return old;
    end if;
    raise exception '% rows are never changed', tg_table_name using errcode = 'restrict_violation';
end
$$;

drop trigger audit_entries_immutable on audit_entries;
drop trigger audit_seals_immutable on audit_seals;
create trigger audit_entries_immutable before update or delete on audit_entries
    for each row execute function refuse_audit_change();
create trigger audit_seals_immutable before update or delete on audit_seals
    for each row execute function refuse_audit_change();
create trigger audit_tombstones_immutable before update or delete on audit_tombstones
    for each row execute function refuse_change();
create trigger audit_tombstones_kept before truncate on audit_tombstones
    for each statement execute function refuse_change();

grant select on audit_tombstones to sarcoscreen_jobs;

alter table audit_tombstones enable row level security;
alter table audit_tombstones force row level security;
create policy audit_tombstones_jobs on audit_tombstones to sarcoscreen_jobs using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());
create policy audit_tombstones_jobs_strays on audit_tombstones for select to sarcoscreen_jobs using (
    current_clinic() is null and not exists (select from clinics c where c.clinic_id = audit_tombstones.clinic_id)
);
create policy audit_tombstones_owner on audit_tombstones to current_user using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());
create policy audit_entries_owner_select on audit_entries for select to current_user using (clinic_id = current_clinic());
create policy audit_entries_owner_delete on audit_entries for delete to current_user using (clinic_id = current_clinic());
create policy audit_seals_owner_select on audit_seals for select to current_user using (clinic_id = current_clinic());
create policy audit_seals_owner_delete on audit_seals for delete to current_user using (clinic_id = current_clinic());

alter table audit_entries
    drop constraint audit_entries_action_known,
    add constraint audit_entries_action_known check (action in (
        'submission_created', 'submission_read', 'submission_assessed', 'submissions_listed', 'submissions_exported',
        'submission_retired',
        'follow_ups_listed', 'follow_up_read', 'follow_up_history_read', 'follow_ups_exported', 'follow_up_taken',
        'follow_up_claimed', 'follow_up_released', 'follow_up_reassigned', 'follow_up_contacted', 'follow_up_booked',
        'follow_up_unbooked', 'follow_up_missed', 'follow_up_closed', 'follow_up_reopened', 'follow_up_noted',
        'subjects_searched', 'subject_read', 'subject_history_read', 'subject_submissions_listed', 'contact_changed',
        'consent_changed', 'subjects_merged', 'merge_undone', 'subject_exported', 'subject_erased', 'subject_retired',
        'stats_read', 'audit_entries_listed', 'credential_minted', 'credential_rotated', 'credential_revoked', 'credential_changed',
        'credentials_listed', 'clinic_changed', 'sign_in_failed',
        'webhook_created', 'webhooks_listed', 'webhook_read', 'webhook_changed', 'webhook_deleted',
        'webhook_secret_rotated', 'webhook_pinged', 'webhook_deliveries_listed', 'webhook_redelivered', 'webhook_disabled',
        'audit_entries_pruned'
    ));
