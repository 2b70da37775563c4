-- The number of a person in another hospital is not the number of a person here. A reference with a system is hashed with it; a
-- second hash of its value alone finds it in every system. References of the clinic's own systems, and those without a system,
-- are hashed as before.

alter table subjects add column reference_value_hash bytea;

create index subjects_reference_value_idx on subjects (reference_value_hash) where reference_value_hash is not null;
