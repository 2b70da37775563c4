-- The full text of every rule table version that scored something, so that old rows render for ever and a binary
-- that does not carry the version can still read them. Insert only: a released version is never edited.

create table rule_tables (
    version     text        not null,
    digest      text        not null,
    files       jsonb       not null,
    recorded_at timestamptz not null,
    constraint rule_tables_pkey primary key (version),
    constraint rule_tables_digest_length check (char_length(digest) = 64)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% rows are never changed', tg_table_name using errcode = 'restrict_violation';
end
$$;

create trigger rule_tables_immutable before update or delete on rule_tables
    for each row execute function refuse_change();
create trigger rule_tables_kept before truncate on rule_tables
    for each statement execute function refuse_change();
