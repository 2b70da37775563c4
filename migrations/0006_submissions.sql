-- A submission is answers with their assessment. The assessment is kept compact (ids and values; reasons and sources
-- are rendered from the rule table of its version). What lists filter by stands in columns of its own, so that no
-- page reads the documents. The follow-up columns hold what was true at creation, for the replay of a retry.

create table submissions (
    clinic_id            uuid        not null,
    submission_id        uuid        not null,
    subject_id           uuid        not null,
    credential_id        uuid        not null,
    origin               text        not null,
    received_at          timestamptz not null,
    answered_at          timestamptz,
    language             text        not null,
    source_system        text,
    source_id            text,
    pathway              text,
    supersedes           uuid,
    rule_table           text        not null,
    answers              jsonb       not null,
    assessment           jsonb       not null,
    score_total          smallint    not null,
    score_lower          smallint    not null,
    score_upper          smallint    not null,
    band_at_least        text        not null,
    band_at_most         text        not null,
    care_level           text,
    flagged              boolean     not null,
    findings             text[]      not null,
    positive_instruments text[]      not null,
    follow_up_id         uuid,
    follow_up_state      text,
    follow_up_urgency    smallint,
    follow_up_joined     boolean,
    constraint submissions_pkey primary key (clinic_id, submission_id),
    constraint submissions_subject_fkey foreign key (clinic_id, subject_id) references subjects (clinic_id, subject_id),
    constraint submissions_credential_fkey foreign key (clinic_id, credential_id)
        references credentials (clinic_id, credential_id),
    constraint submissions_follow_up_fkey foreign key (clinic_id, follow_up_id)
        references follow_ups (clinic_id, follow_up_id),
    constraint submissions_supersedes_fkey foreign key (clinic_id, supersedes)
        references submissions (clinic_id, submission_id),
    constraint submissions_rule_table_fkey foreign key (rule_table) references rule_tables (version),
    constraint submissions_origin_known check (origin in ('self_reported', 'staff', 'system')),
    constraint submissions_language_known check (language in ('en', 'es')),
    constraint submissions_pathway_known check (pathway in ('ewgsop2', 'awgs_2019', 'awgs_2025', 'sdoc')),
    constraint submissions_bands_known check (
        band_at_least in ('low', 'moderate', 'high') and band_at_most in ('low', 'moderate', 'high')
    ),
    constraint submissions_score_ordered check (score_lower <= score_total and score_total <= score_upper),
    constraint submissions_source_whole check ((source_system is null) = (source_id is null)),
    constraint submissions_follow_up_whole check (
        flagged = (follow_up_id is not null)
        and (follow_up_id is null) = (follow_up_state is null)
        and (follow_up_id is null) = (follow_up_urgency is null)
        and (follow_up_id is null) = (follow_up_joined is null)
    )
);

create index submissions_received_idx on submissions (clinic_id, received_at desc, submission_id desc);
create index submissions_subject_idx on submissions (clinic_id, subject_id, received_at desc, submission_id desc);
create index submissions_follow_up_idx on submissions (clinic_id, follow_up_id) where follow_up_id is not null;
