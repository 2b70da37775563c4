-- A subject is the person screened. Reference and contact data are sealed (authenticated encryption bound to the
-- row); the hashes are keyed, so equality can be looked up without anything readable standing in the table.
-- A person without a reference (self-reported) is a subject of their own each time: null references never clash.

create table subjects (
    clinic_id            uuid        not null,
    subject_id           uuid        not null,
    reference_hash       bytea,
    reference_sealed     bytea,
    contact_sealed       bytea,
    name_hash            bytea,
    telephone_hash       bytea,
    email_hash           bytea,
    consent_to_contact   boolean,
    consent_text_version text,
    consent_given_at     timestamptz,
    created_at           timestamptz not null,
    updated_at           timestamptz not null,
    constraint subjects_pkey primary key (clinic_id, subject_id),
    constraint subjects_clinic_fkey foreign key (clinic_id) references clinics (clinic_id),
    constraint subjects_reference_unique unique (clinic_id, reference_hash),
    constraint subjects_reference_whole check ((reference_hash is null) = (reference_sealed is null)),
    constraint subjects_consent_whole check (
        (consent_to_contact is null) = (consent_text_version is null)
        and (consent_to_contact is null) = (consent_given_at is null)
    )
);

create index subjects_name_idx on subjects (clinic_id, name_hash) where name_hash is not null;
create index subjects_telephone_idx on subjects (clinic_id, telephone_hash) where telephone_hash is not null;
create index subjects_email_idx on subjects (clinic_id, email_hash) where email_hash is not null;
