-- A retry key, written by the transaction that does the work, so that a key without its effect cannot exist. The
-- fingerprint tells a retry from another request under the same key. Response bodies are not kept: the answer is
-- rebuilt from the row.

create table idempotency_keys (
    clinic_id       uuid        not null,
    idempotency_key text        not null,
    fingerprint     bytea       not null,
    submission_id   uuid        not null,
    expires_at      timestamptz not null,
    constraint idempotency_keys_pkey primary key (clinic_id, idempotency_key),
    constraint idempotency_keys_key_length check (char_length(idempotency_key) between 1 and 255),
    constraint idempotency_keys_fingerprint_length check (octet_length(fingerprint) = 32)
);

create index idempotency_keys_expiry_idx on idempotency_keys (clinic_id, expires_at);
