-- The submission that an idempotency key stored, and whether it is the same.
-- $1 idempotency key, $2 answers, $3 reference
select submission_id, received_at, follow_up_id, answers = $2::jsonb and reference is not distinct from $3 as same
from idempotency_keys join submissions using (submission_id) join subjects using (subject_id)
where idempotency_key = $1
