-- A test is scored, stored and shown as a test. It opens no follow-up, however it scores, and no statistics count it. A
-- webhook endpoint gets events of tests only if it asks for them. The index lists the tests of a clinic, of which there are few.

alter table submissions
    add column test boolean not null default false,
    drop constraint submissions_follow_up_whole,
    add constraint submissions_follow_up_whole check (
        (flagged and not imported and not test) = (follow_up_id is not null)
        and (follow_up_id is null) = (follow_up_state is null)
        and (follow_up_id is null) = (follow_up_urgency is null)
        and (follow_up_id is null) = (follow_up_joined is null)
    );

create index submissions_test_idx on submissions (clinic_id, received_at desc, submission_id desc) where test;

create or replace function submission_counts(clinic uuid, since timestamptz, until timestamptz)
returns table (day date, dimension text, value text, count bigint) language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
    with chosen as materialized (
        select (received_at at time zone 'UTC')::date as day, flagged, findings, positive_instruments,
               case when band_at_least = band_at_most then band_at_least else 'unsettled' end as band
        from submissions
        where clinic_id = clinic and received_at >= since and received_at < until and not imported and not test
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

alter table webhook_endpoints add column test_submissions boolean not null default false;
grant select (test_submissions) on webhook_endpoints to sarcoscreen_writer;
