-- $1 submission
select submission_id, received_at, follow_up_id, reference, rule_table, answers, total, band, flagged, urgency, findings
from submissions left join follow_ups using (submission_id)
where submission_id = $1
