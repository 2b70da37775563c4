-- A correction reaches the follow-up of the corrected submission. The follow-up keeps whether any submission that counts is
-- flagged and when it was last corrected; its history gets the event `correct`. A correction to answers that are not flagged
-- belongs to the follow-up too, so a submission without a flag may have one.
--
-- Statistics count a corrected submission once: its correction, on the day of the correction. The counts of a day leave out
-- what a correction of the same day corrects. A later correction is subtracted when its own day is counted.

alter table follow_ups
    add column flagged boolean not null default true,
    add column corrected_at timestamptz;
grant update (flagged, corrected_at) on follow_ups to sarcoscreen_writer;

alter table follow_up_events
    drop constraint follow_up_events_command_known,
    add constraint follow_up_events_command_known check (command in (
        'open', 'join', 'correct', 'claim', 'release', 'reassign', 'contact', 'book', 'unbook', 'did_not_attend', 'close',
        'reopen', 'note', 'merge', 'unmerge'
    ));

alter table submissions
    drop constraint submissions_follow_up_whole,
    add constraint submissions_follow_up_whole check (
        (follow_up_id is not null or not flagged or imported)
        and (follow_up_id is null) = (follow_up_state is null)
        and (follow_up_id is null) = (follow_up_urgency is null)
        and (follow_up_id is null) = (follow_up_joined is null)
    );

-- The counts of submissions received in a time, without those that a submission received before `corrected_before` corrects.
-- The instances of the previous version call it with three arguments.
drop function submission_counts(uuid, timestamptz, timestamptz);
create function submission_counts(
    clinic uuid, since timestamptz, until timestamptz, corrected_before timestamptz default 'infinity'
) returns table (day date, dimension text, value text, count bigint) language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
    with chosen as materialized (
        select (s.received_at at time zone 'UTC')::date as day, s.flagged, s.findings, s.positive_instruments,
               case when s.band_at_least = s.band_at_most then s.band_at_least else 'unsettled' end as band
        from submissions s
        where s.clinic_id = clinic and s.received_at >= since and s.received_at < until and not s.imported
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

-- The counts of submissions received before `since` that a submission received from then until `until` corrects. Of several
-- corrections of one submission, which earlier versions accepted, the first counts.
create function corrected_counts(clinic uuid, since timestamptz, until timestamptz)
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
          and s.received_at < since and not s.imported
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
