-- A credential signs in with a key, or with signed tokens of an issuer that vouches for one person there; the person is
-- kept as a keyed hash of issuer and subject. A rotated key overlaps with the one before it for a while. Origins bind a
-- browser key to the web sites that may send it; none binds it to nothing.

alter table credentials
    alter column prefix drop not null,
    alter column key_hash drop not null,
    add column origins text[] not null default '{}',
    add column previous_prefix text,
    add column previous_key_hash bytea,
    add column previous_expires_at timestamptz,
    add column rotated_at timestamptz,
    add column issuer_subject_hash bytea,
    add constraint credentials_previous_prefix_unique unique (previous_prefix),
    add constraint credentials_issuer_subject_unique unique (clinic_id, issuer_subject_hash),
    add constraint credentials_previous_whole check (
        (previous_prefix is null) = (previous_key_hash is null)
        and (previous_prefix is null) = (previous_expires_at is null)
    ),
    add constraint credentials_one_way_in check (
        (prefix is null) = (key_hash is null) and (prefix is null) <> (issuer_subject_hash is null)
    ),
    add constraint credentials_issuer_subject_hash_length check (octet_length(issuer_subject_hash) = 32),
    add constraint credentials_origins_count check (cardinality(origins) <= 20);

-- The version of the master key that the hash was made with, so that it is known how many still depend on an earlier one.
alter table credentials add column key_version smallint not null default 1;
