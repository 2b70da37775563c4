-- submission_counts in plpgsql: Citus cannot run a function in SQL that takes
-- parameters and reads a distributed table; it runs the same statement in plpgsql. The counts stay the same.

create or replace function submission_counts(clinic uuid, since timestamptz, until timestamptz)
returns table (day date, dimension text, value text, count bigint) language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
    with chosen as materialized (
        select (received_at at time zone 'UTC')::date as day, flagged, findings, positive_instruments,
               case when band_at_least = band_at_most then band_at_least else 'unsettled' end as band
        from submissions where clinic_id = clinic and received_at >= since and received_at < until and not imported
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
    from chosen, unnest(positive_instruments) instrument group by day, instrument;
end
$$;
