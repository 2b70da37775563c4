-- What was changed of a person, by whom, and what stood there before, sealed. A person merged into another keeps the
-- row, so that the reference still finds somebody, and the merge can be undone.

alter table subjects
    add column row_version integer not null default 1,
    add column merged_into uuid,
    add constraint subjects_merged_into_fkey foreign key (clinic_id, merged_into)
        references subjects (clinic_id, subject_id),
    add constraint subjects_not_into_itself check (merged_into <> subject_id);

create index subjects_merged_into_idx on subjects (clinic_id, merged_into) where merged_into is not null;

create table subject_changes (
    clinic_id     uuid        not null,
    subject_id    uuid        not null,
    version       integer     not null,
    at            timestamptz not null,
    credential_id uuid,
    change        text        not null,
    before_sealed bytea,
    merge_id      uuid,
    constraint subject_changes_pkey primary key (clinic_id, subject_id, version),
    constraint subject_changes_subject_fkey foreign key (clinic_id, subject_id)
        references subjects (clinic_id, subject_id),
    constraint subject_changes_change_known check (
        change in ('contact', 'consent', 'merge', 'unmerge')
    ),
    constraint subject_changes_merge_whole check ((change in ('merge', 'unmerge')) = (merge_id is not null))
);

create trigger subject_changes_immutable before update of clinic_id, subject_id, version, at, credential_id, change, merge_id
    on subject_changes for each row execute function refuse_change();
