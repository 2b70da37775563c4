-- A system may sign in with assertions that it signs itself (SMART backend services). Its credential has the public keys of the
-- system, or the address where the system publishes them.

alter table credentials
    add column client_keys jsonb,
    add column client_keys_address text,
    drop constraint credentials_one_way_in,
    add constraint credentials_one_way_in check (
        (prefix is null) = (key_hash is null)
        and num_nonnulls(prefix, issuer_subject_hash, client_keys, client_keys_address) + web_form::integer = 1
    ),
    add constraint credentials_client_keys_address_length check (char_length(client_keys_address) between 1 and 2000);
