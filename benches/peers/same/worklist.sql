-- A page of open follow-ups after a position, most urgent and then oldest first, each with its latest submission.
-- $1, $2, $3 urgency, time and id of the last one before the page; $4 limit
select f.follow_up_id, urgency, flagged_at, flagged_at::text as position, submission_id, reference, total, band, findings
from follow_ups f join subjects using (subject_id)
cross join lateral (
    select submission_id, total, band, findings
    from submissions s
    where s.follow_up_id = f.follow_up_id
    order by received_at desc
    limit 1
) latest
where state = 'open' and (urgency, flagged_at, f.follow_up_id) > ($1, $2, $3)
order by urgency, flagged_at, f.follow_up_id
limit $4
