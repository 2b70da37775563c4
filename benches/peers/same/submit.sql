-- Stores a submission with its idempotency key, its subject, the follow-up that it opens or joins if it is flagged, and
-- an audit entry. No row if the idempotency key was used before.
-- $1 idempotency key, $2 reference, $3 rule table, $4 answers, $5 total, $6 band, $7 flagged, $8 findings, $9 urgency
with claimed as (
    insert into idempotency_keys (idempotency_key, submission_id)
    values ($1, gen_random_uuid())
    on conflict (idempotency_key) do nothing
    returning submission_id
), person as (
    insert into subjects (reference)
    select $2::text from claimed
    on conflict (reference) do update set updated_at = excluded.updated_at
    returning subject_id
), kept as (
    insert into follow_ups as f (subject_id, urgency, due_at)
    select subject_id, $9::smallint, now() + interval '7 days' from person where $7::boolean
    on conflict (subject_id) where state = 'open' do update set
        urgency = least(f.urgency, excluded.urgency),
        last_received_at = excluded.last_received_at,
        version = f.version + 1
    returning follow_up_id, urgency, version
), stored as (
    insert into submissions (
        submission_id, subject_id, rule_table, answers, total, band, flagged, findings, follow_up_id)
    select submission_id, subject_id, $3::text, $4::jsonb, $5::smallint, $6::text, $7::boolean, $8::jsonb, follow_up_id
    from claimed cross join person left join kept on true
    returning submission_id, subject_id, received_at, follow_up_id
), event as (
    insert into follow_up_events (follow_up_id, version, command, submission_id, urgency)
    select kept.follow_up_id, version, case version when 1 then 'open' else 'join' end, submission_id, urgency
    from kept cross join stored
), entry as (
    insert into audit_entries (action, submission_id, subject_id)
    select 'submission_created', submission_id, subject_id from stored
)
select submission_id, received_at, follow_up_id from stored
