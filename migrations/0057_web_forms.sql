-- A clinic's own web form has no key: the service itself acts as this credential, so that limits, the audit log and a revocation
-- work as for any other. The form is open while the clinic has such a credential that is not revoked.

alter table credentials
    add column web_form boolean not null default false,
    drop constraint credentials_one_way_in,
    add constraint credentials_one_way_in check (
        (prefix is null) = (key_hash is null) and num_nonnulls(prefix, issuer_subject_hash) + web_form::integer = 1
    ),
    add constraint credentials_web_form_is_browser check (not web_form or (role = 'browser' and previous_prefix is null));

create unique index credentials_one_web_form on credentials (clinic_id) where web_form and revoked_at is null;

-- The list of clinics states whether their forms are open. These rows have no hash of a key.
create policy credentials_jobs_web_forms on credentials for select to sarcoscreen_jobs using (web_form);
