-- A person's history runs in the order in which the questions were answered: a paper form that is entered later is not
-- the latest screen.

create index submissions_answered_idx
    on submissions (clinic_id, subject_id, coalesce(answered_at, received_at) desc, submission_id desc);
