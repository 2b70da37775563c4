-- The audit trail: who did what to which opaque id, and when. It holds no reference, no name and no health data, and
-- its rows are never changed.

create table audit_entries (
    clinic_id      uuid        not null,
    audit_entry_id uuid        not null,
    at             timestamptz not null,
    credential_id  uuid,
    action         text        not null,
    resource_id    uuid        not null,
    subject_id     uuid,
    request_id     uuid,
    constraint audit_entries_pkey primary key (clinic_id, audit_entry_id),
    constraint audit_entries_clinic_fkey foreign key (clinic_id) references clinics (clinic_id),
    constraint audit_entries_action_known check (
        action in ('submission_created', 'credential_minted', 'credential_revoked')
    )
);

create index audit_entries_at_idx on audit_entries (clinic_id, at, audit_entry_id);

create trigger audit_entries_immutable before update or delete on audit_entries
    for each row execute function refuse_change();
create trigger audit_entries_kept before truncate on audit_entries
    for each statement execute function refuse_change();
