-- When a correction is erased, the submission that it corrected counts again. The erasure then changes an open follow-up, or
-- reopens one, and writes its history. The statement that writes a follow-up can also add one.

grant insert on follow_ups, follow_up_events to sarcoscreen_jobs;
