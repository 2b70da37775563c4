-- What a clinic states about itself beyond its booking address: country, time zone, emergency numbers with their labels, and
-- the wording of its offer, as one document; and its name in addresses. A clinic of the version before has the one number of
-- its column; the column stays for that version, and new ones write the first number to it.

alter table clinics
    add column slug text,
    add column profile jsonb not null default '{}',
    add constraint clinics_slug_unique unique (slug),
    add constraint clinics_slug_form check (slug ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$');
