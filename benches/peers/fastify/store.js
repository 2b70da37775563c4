// All SQL statements.

import pg from 'pg';

const URGENCIES = ['today', 'this_week', 'routine'];

const SUBMIT = {
  name: 'submit',
  text: `
    with stored as (
      insert into submissions (idempotency_key, reference, rule_table, answers, total, band, flagged, findings)
      values ($1, $2, $3, $4, $5, $6, $7, $8)
      on conflict (idempotency_key) do nothing
      returning submission_id, received_at, flagged
    ), opened as (
      insert into follow_ups (submission_id, urgency, flagged_at)
      select submission_id, $9, received_at from stored where flagged
      returning follow_up_id
    )
    select submission_id, received_at, follow_up_id from stored left join opened on true`,
};

const EARLIER = {
  name: 'earlier',
  text: `
    select submission_id, received_at, follow_up_id,
           answers = $2::jsonb and reference is not distinct from $3 as same
    from submissions left join follow_ups using (submission_id) where idempotency_key = $1`,
};

const SUBMISSION = {
  name: 'submission',
  text: `
    select submission_id, received_at, follow_up_id, reference, rule_table, answers, total, band, flagged, urgency,
           findings
    from submissions left join follow_ups using (submission_id) where submission_id = $1`,
};

// A JavaScript date has no microseconds, so the position of a row has its time as text.
const WORKLIST = {
  name: 'worklist',
  text: `
    select follow_up_id, urgency, flagged_at, flagged_at::text as position, submission_id, reference, total, band,
           findings
    from follow_ups join submissions using (submission_id)
    where state = 'open' and (urgency, flagged_at, follow_up_id) > ($1, $2, $3)
    order by urgency, flagged_at, follow_up_id
    limit $4`,
};

export class Store {
  constructor(log) {
    // The address of the database comes from the environment: PGHOST, PGUSER, PGDATABASE.
    this.pool = new pg.Pool({ max: 10, statement_timeout: 5_000, connectionTimeoutMillis: 5_000 });
    this.pool.on('error', (error) => log.error(error));
  }

  async ping() {
    await this.pool.query('select 1');
  }

  // Stores a submission and, if it is flagged, opens its follow-up. A repeated key returns the submission that it
  // stored first, or `null` if that one was another.
  async submit(key, answers, reference, assessment) {
    const { rule_table, total, band, flagged, urgency, findings } = assessment;
    const json = JSON.stringify(answers);
    const rank = flagged ? URGENCIES.indexOf(urgency) + 1 : null;
    const values = [key, reference, rule_table, json, total, band, flagged, JSON.stringify(findings), rank];
    const stored = await this.pool.query({ ...SUBMIT, values });
    if (stored.rowCount > 0) return { ...stored.rows[0], created: true };
    const earlier = await this.pool.query({ ...EARLIER, values: [key, json, reference] });
    return earlier.rows[0].same ? { ...earlier.rows[0], created: false } : null;
  }

  async submission(id) {
    const { rows: [row] } = await this.pool.query({ ...SUBMISSION, values: [id] });
    return row && { ...row, urgency: URGENCIES[row.urgency - 1] ?? null };
  }

  // A page of open follow-ups after a position, ordered by urgency (highest first), then by age (oldest first).
  async worklist(limit, after = [0, '-infinity', '00000000-0000-0000-0000-000000000000']) {
    const { rows } = await this.pool.query({ ...WORKLIST, values: [...after, limit + 1] });
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : null;
    return {
      items: page.map((row) => ({ ...row, urgency: URGENCIES[row.urgency - 1] })),
      next: last && [last.urgency, last.position, last.follow_up_id],
    };
  }

  async close() {
    await this.pool.end();
  }
}
