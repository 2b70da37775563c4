-- Two subjects that turned out to be one person. What was moved is listed, so that an undo moves back exactly that. Where
-- both had an open case, the merged person's case is closed and its version kept: an undo reopens it only if nobody has
-- touched it since. A case that later submissions of the kept person joined goes back with its own; theirs get a case of
-- their own, so that a submission's case is always one of its person.

create table subject_merges (
    clinic_id         uuid        not null,
    merge_id          uuid        not null,
    kept              uuid        not null,
    merged            uuid        not null,
    merged_at         timestamptz not null,
    merged_by         uuid        not null,
    submission_ids    uuid[]      not null,
    follow_up_ids     uuid[]      not null,
    closed_follow_up  uuid,
    closed_version    integer,
    undone_at         timestamptz,
    undone_by         uuid,
    constraint subject_merges_pkey primary key (clinic_id, merge_id),
    constraint subject_merges_kept_fkey foreign key (clinic_id, kept) references subjects (clinic_id, subject_id),
    constraint subject_merges_merged_fkey foreign key (clinic_id, merged) references subjects (clinic_id, subject_id),
    constraint subject_merges_two check (kept <> merged),
    constraint subject_merges_closed_whole check ((closed_follow_up is null) = (closed_version is null)),
    constraint subject_merges_undone_whole check ((undone_at is null) = (undone_by is null))
);

create index subject_merges_kept_idx on subject_merges (clinic_id, kept);
create index subject_merges_merged_idx on subject_merges (clinic_id, merged);
