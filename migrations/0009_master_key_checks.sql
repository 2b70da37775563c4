-- A keyed hash of nothing secret, made with the master key. Under another key every reference would look new and no
-- contact data would open, so a service whose key does not make this value refuses to work on this database.

create table master_key_checks (
    key_version smallint    not null,
    check_value bytea       not null,
    recorded_at timestamptz not null,
    constraint master_key_checks_pkey primary key (key_version),
    constraint master_key_checks_value_length check (octet_length(check_value) = 32)
);

create trigger master_key_checks_immutable before update or delete on master_key_checks
    for each row execute function refuse_change();
create trigger master_key_checks_kept before truncate on master_key_checks
    for each statement execute function refuse_change();
