-- A test is scored, stored and shown as a test. It opens, joins and corrects no follow-up, however it scores, and no statistics
-- count it. A webhook endpoint gets events of tests only if it asks for them. The index lists the tests of a clinic, of which
-- there are few.

alter table submissions
    add column test boolean not null default false,
    drop constraint submissions_follow_up_whole,
    add constraint submissions_follow_up_whole check (
        (follow_up_id is not null or not flagged or imported or test)
        and (follow_up_id is null or not (imported or test))
        and (follow_up_id is null) = (follow_up_state is null)
        and (follow_up_id is null) = (follow_up_urgency is null)
        and (follow_up_id is null) = (follow_up_joined is null)
    );

create index submissions_test_idx on submissions (clinic_id, received_at desc, submission_id desc) where test;

-- As in 0050, without tests.
create or replace function submission_counts(
    clinic uuid, since timestamptz, until timestamptz, corrected_before timestamptz default 'infinity'
) returns table (day date, dimension text, value text, count bigint) language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
    with chosen as materialized (
        select (s.received_at at time zone 'UTC')::date as day, s.flagged, s.findings, s.positive_instruments,
               case when s.band_at_least = s.band_at_most then s.band_at_least else 'unsettled' end as band
        from submissions s
        where s.clinic_id = clinic and s.received_at >= since and s.received_at < until and not s.imported and not s.test
          and not exists (select from submissions later
                          where later.clinic_id = clinic and later.supersedes = s.submission_id
                            and later.received_at < corrected_before)
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

-- As in 0050, without tests.
create or replace function corrected_counts(clinic uuid, since timestamptz, until timestamptz)
returns table (day date, dimension text, value text, count bigint) language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
    with chosen as materialized (
        select (s.received_at at time zone 'UTC')::date as day, s.flagged, s.findings, s.positive_instruments,
               case when s.band_at_least = s.band_at_most then s.band_at_least else 'unsettled' end as band
        from submissions correction
        join submissions s on s.clinic_id = correction.clinic_id and s.submission_id = correction.supersedes
        where correction.clinic_id = clinic and s.clinic_id = clinic
          and correction.received_at >= since and correction.received_at < until
          and s.received_at < since and not s.imported and not s.test
          and not exists (select from submissions earlier
                          where earlier.clinic_id = clinic and earlier.supersedes = s.submission_id
                            and (earlier.received_at, earlier.submission_id) < (correction.received_at, correction.submission_id))
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
