-- How many submissions are stored, how many of the ids $1 are among them, how many are flagged, how many of those have
-- a follow-up, and how many submissions are whole: as a row, each is.
select count(*),
       (select count(*) from unnest($1::uuid[]) id join submissions on submission_id = id),
       count(*) filter (where flagged),
       (select count(*) from follow_ups join submissions using (submission_id) where flagged),
       count(*)
from submissions
