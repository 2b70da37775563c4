-- A record of another system is found by the name that the system gave it: before a conditional create makes it anew, and by
-- a search. Few lists are asked for so, and submissions without a source are not in the index.

create index submissions_source_idx on submissions (clinic_id, source_system, source_id) where source_id is not null;
