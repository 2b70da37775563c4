-- A grip strength below 1 kg or five chair stands below 3 s are often values in the wrong unit, stored before these floors.
-- Staff list the submissions that have them; few do, and the others are not in the index.

create index submissions_below_floor_idx on submissions (clinic_id, received_at desc, submission_id desc)
    where (answers ->> 'grip_strength_kg')::numeric < 1 or (answers ->> 'five_chair_stands_s')::numeric < 3;
