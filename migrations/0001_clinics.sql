-- A clinic is the tenant that owns every other row. Every key in this schema starts with clinic_id, so the same
-- tables run on one PostgreSQL, with read replicas, or distributed by clinic_id.

create table clinics (
    clinic_id        uuid        not null,
    name             text        not null,
    booking_url      text        not null,
    emergency_number text        not null,
    language         text        not null,
    created_at       timestamptz not null,
    constraint clinics_pkey primary key (clinic_id),
    constraint clinics_name_unique unique (name),
    constraint clinics_name_length check (char_length(name) between 1 and 200),
    constraint clinics_language_known check (language in ('en', 'es'))
);
