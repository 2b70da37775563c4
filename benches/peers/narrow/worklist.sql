-- A page of open follow-ups after a position, most urgent and then oldest first.
-- $1, $2, $3 urgency, time and id of the last one before the page; $4 limit
select follow_up_id, urgency, flagged_at, flagged_at::text as position, submission_id, reference, total, band, findings
from follow_ups join submissions using (submission_id)
where state = 'open' and (urgency, flagged_at, follow_up_id) > ($1, $2, $3)
order by urgency, flagged_at, follow_up_id
limit $4
