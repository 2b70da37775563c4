-- A rotated credential keeps the hash of the key before it for the overlap, which may have been made with an earlier master
-- key than the new one: each hash names its own version, so that it is known when the earlier master key may go.
--
-- What names a person to the issuer of tokens is kept sealed beside its hash, so that the hash can be made anew without the
-- person signing in. A revoked person never does, and must stay known.

alter table credentials no force row level security;

alter table credentials
    add column previous_key_version smallint,
    add column issuer_subject_sealed bytea;
update credentials set previous_key_version = key_version where previous_key_hash is not null;
alter table credentials
    add constraint credentials_previous_version_whole check ((previous_key_hash is null) = (previous_key_version is null)),
    add constraint credentials_sealed_person check (issuer_subject_sealed is null or issuer_subject_hash is not null);

grant update (issuer_subject_hash, issuer_subject_sealed, key_version) on credentials to sarcoscreen_jobs;

alter table credentials force row level security;
