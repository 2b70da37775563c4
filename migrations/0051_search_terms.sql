-- A person is found by each word of the name, without regard to case, accents and spacing, by the e-mail address likewise, and by
-- any spelling of the telephone number that is usual in the clinic's country. Each of these forms is a term. A subject has several
-- terms, and several subjects have a term in common, so terms have a table of their own, which holds keyed hashes only. Terms are
-- deleted with their subject, also by an instance of the version before.
--
-- `search_form` names the folding and the country with which the terms of a subject were made; null without contact data. A
-- reference is hashed in NFC; `reference_in_nfc` is false for one that the version before hashed as it was sent.
-- `sarcoscreen reindex` makes both for subjects stored before. New contact data no longer fills name_hash, telephone_hash and
-- email_hash, by which subjects are found until then.

-- Neither key begins with the clinic, so that the planner confuses them in no statement (0040): one serves the foreign key, the
-- other one the search.
create table subject_search_terms (
    clinic_id  uuid  not null,
    subject_id uuid  not null,
    term_hash  bytea not null,
    constraint subject_search_terms_pkey primary key (subject_id, clinic_id, term_hash),
    constraint subject_search_terms_subject_fkey foreign key (clinic_id, subject_id)
        references subjects (clinic_id, subject_id) on delete cascade
);

create index subject_search_terms_term_idx on subject_search_terms (term_hash, clinic_id, subject_id);

alter table subjects
    add column search_form text,
    add column reference_in_nfc boolean not null default false;

grant select, insert, delete on subject_search_terms to sarcoscreen_app, sarcoscreen_jobs;

alter table subject_search_terms enable row level security;
alter table subject_search_terms force row level security;
create policy subject_search_terms_app on subject_search_terms to sarcoscreen_app
    using (clinic_id = current_clinic()) with check (clinic_id = current_clinic());
create policy subject_search_terms_jobs on subject_search_terms to sarcoscreen_jobs
    using (clinic_id = current_clinic()) with check (clinic_id = current_clinic());
