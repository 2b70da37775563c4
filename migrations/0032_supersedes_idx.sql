-- A submission shows the latest that corrects it: found at the end of one range of this index, without a sort, for each row
-- of a page. It holds corrections only.

drop index submissions_supersedes_idx;
create index submissions_supersedes_idx on submissions (clinic_id, supersedes, received_at, submission_id)
    where supersedes is not null;
