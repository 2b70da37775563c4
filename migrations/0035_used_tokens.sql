-- Tokens of record systems that are good for one call: which were used, as keyed hashes, until they would be refused for their
-- age. A row decides, so that a restart forgets none and every instance refuses the second use.

create table used_tokens (
    clinic_id  uuid        not null,
    token_hash bytea       not null,
    expires_at timestamptz not null,
    constraint used_tokens_pkey primary key (clinic_id, token_hash),
    constraint used_tokens_token_hash_length check (octet_length(token_hash) = 32)
);

create index used_tokens_expires_idx on used_tokens (clinic_id, expires_at);

grant select, insert on used_tokens to sarcoscreen_app;
-- A row that is locked for its removal counts as updated.
grant select, update, delete on used_tokens to sarcoscreen_jobs;

alter table used_tokens enable row level security;
alter table used_tokens force row level security;
create policy used_tokens_app on used_tokens to sarcoscreen_app using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());
create policy used_tokens_jobs on used_tokens to sarcoscreen_jobs using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());
