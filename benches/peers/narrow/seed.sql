-- Fills a worklist with copies of two submissions that went through the peer, one flagged and one not. They were
-- received over the last three years; of the flagged ones the first are closed and the last are open.

create function seed(submissions integer, open integer, closed integer) returns void language sql as $$
    insert into submissions (
        idempotency_key, received_at, reference, rule_table, answers, total, band, flagged, findings)
    select 'seed-' || i, now() - interval '1095 days' * (1 - i / $1::float8), 'MRN-' || lpad(i::text, 12, '0'),
           p.rule_table, p.answers, p.total, p.band, p.flagged, p.findings
    from generate_series(1, $1) i
    join (select distinct on (flagged) * from submissions order by flagged) p
        on p.flagged = (i::bigint * ($2 + $3) / $1 > (i - 1)::bigint * ($2 + $3) / $1);

    insert into follow_ups (submission_id, state, urgency, flagged_at)
    select submission_id, case when n <= $3 then 'closed' else 'open' end, 1 + n % 3, received_at
    from (select submission_id, received_at, row_number() over (order by received_at) as n
          from submissions where flagged and idempotency_key like 'seed-%') flagged;
$$;
