-- A retry key may stand for any request that changes something, not only for a submission: then it names the resource
-- and the version that the request made, from which the answer is rebuilt.

alter table idempotency_keys
    alter column submission_id drop not null,
    add column resource_id uuid,
    add column resource_version integer,
    add constraint idempotency_keys_one_effect check ((submission_id is null) <> (resource_id is null));

create index idempotency_keys_submission_idx on idempotency_keys (clinic_id, submission_id)
    where submission_id is not null;
create index idempotency_keys_resource_idx on idempotency_keys (clinic_id, resource_id) where resource_id is not null;
