-- How many submissions are stored, how many of the ids $1 are among them, how many are flagged, how many of those have
-- a follow-up of their subject with its history, and how many submissions have idempotency key, subject and audit entry.
select count(*),
       (select count(*) from unnest($1::uuid[]) id join submissions on submission_id = id),
       count(*) filter (where flagged),
       (select count(*)
        from submissions join follow_ups using (follow_up_id, subject_id)
        join follow_up_events using (follow_up_id, submission_id)
        where flagged),
       (select count(*)
        from submissions join subjects using (subject_id)
        join idempotency_keys using (submission_id)
        join audit_entries using (submission_id, subject_id))
from submissions
