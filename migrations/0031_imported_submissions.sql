-- History of another system, brought over: a submission that was answered there, that opens no case here, however it scores,
-- and that no statistics count: its day is not the day it was received.

alter table submissions
    add column imported boolean not null default false,
    drop constraint submissions_follow_up_whole,
    add constraint submissions_follow_up_whole check (
        (flagged and not imported) = (follow_up_id is not null)
        and (follow_up_id is null) = (follow_up_state is null)
        and (follow_up_id is null) = (follow_up_urgency is null)
        and (follow_up_id is null) = (follow_up_joined is null)
    ),
    add constraint submissions_imported_answered check (not imported or answered_at is not null);

create or replace function submission_counts(clinic uuid, since timestamptz, until timestamptz)
returns table (day date, dimension text, value text, count bigint) language sql stable as $$
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
    from chosen, unnest(positive_instruments) instrument group by day, instrument
$$;
