-- A chain of keyed hashes over the trail. Each seal lists the entries it covers with a hash of each, and its own hash
-- covers the seal before it; whoever changes, removes or adds an entry behind the service's back cannot make the hashes
-- anew without the master key. Entries wait in audit_pending until they are sealed: a row there is visible exactly when
-- its entry is, so a seal never passes over a transaction that is still under way. The hash of an entry is made when it
-- is written and waits with it, so that nobody without the key can change or forge an entry that waits either. What was
-- written before there were seals waits without a hash, and is taken as it is by the first seals of its chain only.

create table audit_pending (
    clinic_id      uuid not null,
    audit_entry_id uuid not null,
    mac            bytea,
    key_version    smallint not null default 1,
    constraint audit_pending_pkey primary key (clinic_id, audit_entry_id),
    constraint audit_pending_mac_length check (octet_length(mac) = 16)
);

insert into audit_pending (clinic_id, audit_entry_id) select clinic_id, audit_entry_id from audit_entries;

create table audit_seals (
    clinic_id    uuid        not null,
    seal_number  bigint      not null,
    key_version  smallint    not null,
    sealed_at    timestamptz not null,
    previous_mac bytea       not null,
    entry_ids    uuid[]      not null,
    entry_macs   bytea       not null,
    mac          bytea       not null,
    constraint audit_seals_pkey primary key (clinic_id, seal_number),
    constraint audit_seals_mac_length check (octet_length(mac) = 32 and octet_length(previous_mac) = 32),
    constraint audit_seals_entries_whole check (octet_length(entry_macs) = 16 * cardinality(entry_ids))
);

create trigger audit_seals_immutable before update or delete on audit_seals
    for each row execute function refuse_change();
create trigger audit_seals_kept before truncate on audit_seals
    for each statement execute function refuse_change();
