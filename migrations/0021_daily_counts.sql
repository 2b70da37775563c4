-- Submissions of a day that is over, counted once: statistics over years read a few hundred small rows instead of
-- millions of large ones. A day is counted when it can get no more rows; later days are counted as they are asked for.
-- The counts name nobody and stay when submissions are erased.

create table daily_counts (
    clinic_id uuid    not null,
    day       date    not null,
    dimension text    not null,
    value     text    not null,
    count     bigint  not null,
    constraint daily_counts_pkey primary key (clinic_id, day, dimension, value),
    constraint daily_counts_dimension_known check (
        dimension in ('submissions', 'flagged', 'band', 'finding', 'instrument_positive')
    ),
    constraint daily_counts_counted check (count >= 0)
);
