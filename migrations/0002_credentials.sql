-- A credential is one key of one person or system. Only a keyed hash of the key is kept; the prefix finds the row
-- and says nothing about the rest. The prefix is unique over all clinics, because a key arrives without one.

create table credentials (
    clinic_id     uuid        not null,
    credential_id uuid        not null,
    role          text        not null,
    display_name  text        not null,
    prefix        text        not null,
    key_hash      bytea       not null,
    created_at    timestamptz not null,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    constraint credentials_pkey primary key (clinic_id, credential_id),
    constraint credentials_clinic_fkey foreign key (clinic_id) references clinics (clinic_id),
    constraint credentials_prefix_unique unique (prefix),
    constraint credentials_role_known check (role in ('browser', 'intake', 'staff', 'admin')),
    constraint credentials_display_name_length check (char_length(display_name) between 1 and 200),
    constraint credentials_key_hash_length check (octet_length(key_hash) = 32)
);
