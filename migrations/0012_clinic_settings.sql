-- What a clinic decides for itself beside its name and pathways: in which languages it speaks, how soon a case of each
-- urgency is due, and how long it keeps submissions (null: until somebody erases them). A suspended clinic keeps its
-- rows and lets nobody in. The hours are the service's own suggestion; no source states one.
-- What is kept for a time must be removable: a submission that corrects another one does not hold it back.

alter table clinics
    add column suspended_at timestamptz,
    add column languages text[] not null default '{en,es}',
    add column due_today_hours integer not null default 24,
    add column due_this_week_hours integer not null default 168,
    add column due_routine_hours integer not null default 720,
    add column retention_days integer,
    add constraint clinics_languages_known check (
        languages <@ array['en', 'es'] and cardinality(languages) between 1 and 2 and language = any (languages)
    ),
    add constraint clinics_due_ordered check (
        1 <= due_today_hours and due_today_hours <= due_this_week_hours
        and due_this_week_hours <= due_routine_hours and due_routine_hours <= 8760
    ),
    add constraint clinics_retention_whole check (retention_days between 1 and 36500);

alter table submissions
    drop constraint submissions_supersedes_fkey,
    add constraint submissions_supersedes_fkey foreign key (clinic_id, supersedes)
        references submissions (clinic_id, submission_id) on delete set null (supersedes);
create index submissions_supersedes_idx on submissions (clinic_id, supersedes) where supersedes is not null;
