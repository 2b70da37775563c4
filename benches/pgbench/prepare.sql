-- Prepares the data for benches/pgbench/submission.sql, as the owner: the documents as the service stored them, and existing
-- subjects of the clinics, of whom as many have an open follow-up as of the service's own subjects.

create table bench_patterns as
select row_number() over (order by submission_id)::integer as pattern, rule_table, answers::text as answers,
       assessment::text as assessment, score_total, score_lower, score_upper, band_at_least, band_at_most, care_level,
       flagged, findings, positive_instruments, follow_up_urgency as urgency
from submissions where not coalesce(follow_up_joined, false);
alter table bench_patterns add primary key (pattern);
grant select on bench_patterns to sarcoscreen_writer;

create function bench_known_people(people integer) returns void language sql as $$
    insert into subjects (clinic_id, subject_id, reference_hash, reference_sealed, created_at, updated_at)
    select clinic_id, gen_random_uuid(), sha256(convert_to('known ' || i, 'UTF8')),
           sha256(uuid_send(gen_random_uuid())) || '\x00112233445566778899aabbcc'::bytea, now(), now()
    from clinics, generate_series(1, people) i;
    insert into follow_ups (clinic_id, follow_up_id, subject_id, state, urgency, flagged_at, updated_at, due_at,
        last_received_at, band, findings, positive_instruments)
    select s.clinic_id, gen_random_uuid(), s.subject_id, 'open', p.urgency, now(), now(), now() + interval '168 hours',
           now(), p.band_at_least, p.findings, p.positive_instruments
    from (select *, row_number() over () as n from subjects where clinic_id in (select clinic_id from clinics)
            and reference_hash in (select sha256(convert_to('known ' || i, 'UTF8')) from generate_series(1, people) i)) s
    join bench_patterns p on p.pattern = 1 + s.n % (select count(*) from bench_patterns)
    where p.flagged
$$;
