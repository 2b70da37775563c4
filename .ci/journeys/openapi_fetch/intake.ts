// A minimal intake system of a clinic, with the types that openapi-typescript generates; .ci/clients compiles and runs it.

import createClient from "openapi-fetch";
import { baseUrl, key, must, name, reference } from "./must.js";
import type { components, paths } from "./v1.js";

type Submission = components["schemas"]["SubmissionInput"];

const body = {
  answers: { age: 82, falls_past_year: 4, activity: "inactive", stair_difficulty: "a_lot_or_unable", medications: ["none_of_these"] },
  subject: {
    reference,
    contact: { name, telephone: "+1 202 555 0143", email: null, channel: "telephone", language: "es" },
    consent: { to_contact: true, text_version: "2026-01", given_at: "2026-01-05T09:00:00Z" },
  },
} satisfies Submission;
const faulty: Submission = { ...body, answers: { ...body.answers, age: 7 } };

const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });
const send = (record: string, submission: Submission) =>
  client.POST("/v1/submissions", {
    params: { header: { "Idempotency-Key": `${reference}-${record}`, Prefer: "return=minimal" } },
    body: submission,
  });

const receipt = must("a submission with a reference, contact data and a key", (await send("1", body)).data);
must("it is flagged, and opens a follow-up", receipt.assessment.flagged && receipt.follow_up);
must("a minimal response has no texts for the person", receipt.assessment.recommendations === undefined);
const again = await send("1", body);
must("a retry gives the same receipt", again.data?.id === receipt.id);
must("and says so", again.response.headers.get("Idempotent-Replayed") === "true");
const later = must("another record of the same reference", (await send("2", body)).data);
must("is the same subject", later.subject_id === receipt.subject_id && later.id !== receipt.id);
const refused = await send("3", faulty);
must("a refused body names its field", refused.error?.errors.some(({ pointer }) => pointer === "/answers/age"));
const batch = await client.POST("/v1/submissions/batch", {
  body: { items: [{ submission: body, idempotency_key: `${reference}-4` }, { submission: faulty }] },
});
// A batch of lines has a response of lines.
const results = must("a batch", typeof batch.data === "object" && batch.data);
const statuses = results.items.map(({ status }) => status);
must(`its items have a status each: ${statuses}`, statuses.join() === "201,422");
