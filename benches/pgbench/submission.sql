-- One accepted submission as one statement: the same rows in the same tables, in the same role and under row-level
-- security, as the service writes with the same answers; see benches/README.md.
--
-- The data that a client would send (the answers, the assessment) is read as text from a small table and parsed into
-- jsonb here, because pgbench cannot choose among long texts. Ids start with the time, like those of the service.
\set pattern random(1, :patterns)
\set person random(1, :people)
\set of_thousand random(1, 1000)
with p as materialized (
    select * from bench_patterns where pattern = :pattern::integer
), clock as materialized (
    select at, left(hex, 8) || '-' || substr(hex, 9) || '-7' as prefix
    from (select at, lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') as hex
          from (select clock_timestamp() as at) a) b
), ids as materialized (
    select at,
           (prefix || substr(gen_random_uuid()::text, 16))::uuid as submission_id,
           (prefix || substr(gen_random_uuid()::text, 16))::uuid as subject_id,
           (prefix || substr(gen_random_uuid()::text, 16))::uuid as follow_up_id,
           (prefix || substr(gen_random_uuid()::text, 16))::uuid as audit_entry_id
    from clock
), claimed as (
    insert into idempotency_keys as k (
        clinic_id, sender_id, of_record, idempotency_key, fingerprint, submission_id, resource_id, resource_version,
        expires_at)
    select :clinic::uuid, :credential::uuid, false, gen_random_uuid()::text, sha256(uuid_send(gen_random_uuid())), submission_id, null,
           null, at + interval '72 hours'
    from ids
    on conflict (clinic_id, sender_id, of_record, idempotency_key) do update
        set fingerprint = excluded.fingerprint, submission_id = excluded.submission_id,
            resource_id = excluded.resource_id, resource_version = excluded.resource_version,
            expires_at = excluded.expires_at
        where k.expires_at <= now()
    returning 1
), person as (
    insert into subjects (clinic_id, subject_id, reference_hash, reference_sealed, created_at, updated_at)
    select :clinic::uuid, subject_id,
           case when :of_thousand::integer <= :of_known_people::integer
                then sha256(convert_to('known ' || :person::integer, 'UTF8')) else sha256(uuid_send(subject_id)) end,
           sha256(uuid_send(submission_id)) || '\x00112233445566778899aabbcc'::bytea, at, at
    from ids, claimed
    on conflict (clinic_id, reference_hash) do update set updated_at = excluded.updated_at
    returning coalesce(merged_into, subject_id) as subject_id
), kept as (
    insert into follow_ups as f (
        clinic_id, follow_up_id, subject_id, state, urgency, flagged_at, updated_at, due_at, last_received_at, band,
        findings, positive_instruments)
    select :clinic::uuid, follow_up_id, person.subject_id, 'open', p.urgency, at, at, at + interval '168 hours', at,
           p.band_at_least, p.findings, p.positive_instruments
    from ids, person, p where p.flagged
    on conflict (clinic_id, subject_id) where state <> 'closed' do update set
        urgency = least(f.urgency, excluded.urgency),
        due_at = case when excluded.urgency < f.urgency then least(f.due_at, excluded.due_at) else f.due_at end,
        last_received_at = greatest(f.last_received_at, excluded.last_received_at),
        band = case when 'high' in (f.band, excluded.band) then 'high'
                    when 'moderate' in (f.band, excluded.band) then 'moderate' else 'low' end,
        findings = array(select distinct unnest(f.findings || excluded.findings) order by 1),
        positive_instruments =
            array(select distinct unnest(f.positive_instruments || excluded.positive_instruments) order by 1),
        updated_at = excluded.updated_at, row_version = f.row_version + 1
    returning clinic_id, follow_up_id, subject_id, state, urgency, attempts, missed_appointments, flagged_at, due_at,
        last_received_at, band, findings, positive_instruments, row_version
), event as (
    insert into follow_up_events (
        clinic_id, follow_up_id, version, at, credential_id, command, submission_id, after)
    select kept.clinic_id, kept.follow_up_id, row_version, at, :credential::uuid,
           case when kept.follow_up_id = ids.follow_up_id then 'open' else 'join' end, submission_id,
           jsonb_build_object(
               'follow_up_id', kept.follow_up_id, 'subject_id', kept.subject_id,
               'state', jsonb_build_object('name', state),
               'urgency', (array['today', 'this_week', 'routine'])[urgency], 'attempts', attempts,
               'missed_appointments', missed_appointments, 'flagged_at', flagged_at, 'due_at', due_at,
               'last_received_at', last_received_at, 'band', band, 'findings', findings,
               'positive_instruments', positive_instruments, 'version', row_version)
    from kept, ids
), stored as (
    insert into submissions (
        clinic_id, submission_id, subject_id, credential_id, origin, received_at, answered_at, language, source_system,
        source_id, pathway, supersedes, rule_table, answers, assessment, score_total, score_lower, score_upper,
        band_at_least, band_at_most, care_level, flagged, findings, positive_instruments, follow_up_id,
        follow_up_state, follow_up_urgency, follow_up_joined)
    select :clinic::uuid, submission_id, person.subject_id, :credential::uuid, 'system', at, null, 'en', null, null,
           null, null, p.rule_table, p.answers::json, p.assessment::json, p.score_total, p.score_lower,
           p.score_upper, p.band_at_least, p.band_at_most, p.care_level, p.flagged, p.findings,
           p.positive_instruments, kept.follow_up_id, kept.state, kept.urgency,
           kept.follow_up_id <> ids.follow_up_id
    from ids cross join person cross join p left join kept on true
    on conflict (clinic_id, receipt_number) do nothing
), entry as (
    insert into audit_entries (
        clinic_id, audit_entry_id, at, credential_id, action, outcome, resource_id, subject_id, subject_ids,
        occurrences, request_id)
    select :clinic::uuid, audit_entry_id, at, :credential::uuid, 'submission_created', 'success', submission_id,
           person.subject_id, '{}', 1, gen_random_uuid()
    from ids, person
)
insert into audit_pending (clinic_id, audit_entry_id, mac, key_version)
select :clinic::uuid, audit_entry_id, uuid_send(gen_random_uuid()), 1 from ids, person;
