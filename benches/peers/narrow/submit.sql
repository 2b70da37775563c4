-- Stores a submission, and opens its follow-up if it is flagged. No row if the idempotency key was used before.
-- $1 idempotency key, $2 reference, $3 rule table, $4 answers, $5 total, $6 band, $7 flagged, $8 findings, $9 urgency
with stored as (
    insert into submissions (idempotency_key, reference, rule_table, answers, total, band, flagged, findings)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (idempotency_key) do nothing
    returning submission_id, received_at, flagged
), opened as (
    insert into follow_ups (submission_id, urgency, flagged_at)
    select submission_id, $9, received_at from stored where flagged
    returning follow_up_id
)
select submission_id, received_at, follow_up_id from stored left join opened on true
