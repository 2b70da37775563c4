// Access to the database. The statements are files in the folder SQL, with equal parameters and columns for each schema.

import { readFileSync } from 'node:fs';
import pg from 'pg';

const URGENCIES = ['today', 'this_week', 'routine'];

// A named statement is prepared once in each connection.
const statement = (name) => ({ name, text: readFileSync(`${process.env.SQL}/${name}.sql`, 'utf8') });
const SUBMIT = statement('submit');
const EARLIER = statement('earlier');
const SUBMISSION = statement('submission');
const WORKLIST = statement('worklist');

export class Store {
  constructor(log) {
    // The address of the database comes from the environment: PGHOST, PGUSER, PGDATABASE.
    this.pool = new pg.Pool({ max: 10, statement_timeout: 5_000, connectionTimeoutMillis: 5_000 });
    this.pool.on('error', (error) => log.error(error));
  }

  async ping() {
    await this.pool.query('select 1');
  }

  // Stores a submission and, if it is flagged, its follow-up. A repeated key returns the submission that it stored first,
  // or `null` if that one was another.
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

  // A page of open follow-ups after a position, ordered by urgency (highest first), then by age (oldest first). A
  // JavaScript date has no microseconds, so a position has its time as text.
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
