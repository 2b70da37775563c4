-- The check of a foreign key to `subjects` looks for (clinic_id, subject_id). An index that begins with the clinic fits it as
-- well as the primary key while the table is empty, and then reads every subject of the clinic. This one cannot be taken.
alter table subjects drop constraint subjects_reference_unique;
alter table subjects add constraint subjects_reference_unique unique (reference_hash, clinic_id);
