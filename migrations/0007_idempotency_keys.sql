-- A retry key, written by the transaction that does the work, so that a key without its effect cannot exist. The
-- fingerprint tells a retry from another request under the same key. Response bodies are not kept: the answer is
-- rebuilt from the row. The origin belongs to the key: a browser key is public, and must neither fetch nor block what
-- an intake system sends under a key of its own.

create table idempotency_keys (
    clinic_id       uuid        not null,
    origin          text        not null,
    idempotency_key text        not null,
    fingerprint     bytea       not null,
    submission_id   uuid        not null,
    expires_at      timestamptz not null,
    constraint idempotency_keys_pkey primary key (clinic_id, origin, idempotency_key),
    constraint idempotency_keys_key_length check (char_length(idempotency_key) between 1 and 255),
    constraint idempotency_keys_fingerprint_length check (octet_length(fingerprint) = 32)
);

create index idempotency_keys_expiry_idx on idempotency_keys (clinic_id, expires_at);
