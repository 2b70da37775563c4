-- Submissions of a day that is over, counted once: statistics over years read a few hundred small rows instead of
-- millions of large ones. A day (of UTC) is counted when it can get no more rows; other days are counted as they are asked
-- for. The counts name nobody and stay when submissions are erased. A day's row of the dimension submissions, be it a
-- zero, says that the day was counted.

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

-- What there is to count of some time, day by day: the one definition of the counts, for days that are counted once and for
-- days that are counted as they are asked for. A day or value without submissions has no row.
create function submission_counts(clinic uuid, since timestamptz, until timestamptz)
returns table (day date, dimension text, value text, count bigint) language sql stable as $$
    with chosen as materialized (
        select (received_at at time zone 'UTC')::date as day, flagged, findings, positive_instruments,
               case when band_at_least = band_at_most then band_at_least else 'unsettled' end as band
        from submissions where clinic_id = clinic and received_at >= since and received_at < until
    )
    select day, 'submissions', '', count(*) from chosen group by day
    union all
    select day, 'flagged', '', count(*) from chosen where flagged group by day
    union all
    select day, 'band', band, count(*) from chosen group by day, band
    union all
    select day, 'finding', finding, count(*) from chosen, unnest(findings) finding group by day, finding
    union all
    select day, 'instrument_positive', instrument, count(*)
    from chosen, unnest(positive_instruments) instrument group by day, instrument
$$;
