// A minimal front end of a clinic, with the types that openapi-typescript generates; .ci/clients compiles and runs it.

import createClient from "openapi-fetch";
import { baseUrl, key, must } from "./must.js";
import type { paths } from "./v1.js";

type Outcome = paths["/v1/scores"]["post"]["responses"][200]["content"]["application/json"];
type Answers = paths["/v1/scores"]["post"]["requestBody"]["content"]["application/json"]["answers"];

const answers = {
  age: 82,
  falls_past_year: 4,
  activity: "inactive",
  stair_difficulty: "a_lot_or_unable",
  medications: ["systemic_corticosteroid_3_weeks"],
} satisfies Answers;

// The guide in docs/clients.md.
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });
const form = await client.GET("/v1/questionnaire");
const questions = form.data?.groups.flatMap((group) => group.items) ?? [];
const preview = await client.POST("/v1/scores", { body: { answers } });
const idempotencyKey = crypto.randomUUID(); // one for each submission, kept until the response arrives
const submit = () => client.POST("/v1/submissions", { params: { header: { "Idempotency-Key": idempotencyKey } }, body: { answers } });
const { data: receipt, error: problem } = await submit();
const beside = problem?.errors.map(({ pointer, detail }) => `${pointer}: ${detail}`) ?? [];

function describe(outcome: Outcome): string {
  // Null if unanswered items could still change it; never absent.
  const band: "low" | "moderate" | "high" | null = outcome.band;
  const { lower, upper }: { lower: number; upper: number } = outcome.score;
  // In the views `person` and `full`; absent in `summary`.
  const advice: string[] = outcome.recommendations?.map((recommendation) => recommendation.text) ?? [];
  const offered: boolean = outcome.consultation?.offered ?? false;
  return [band ?? "not settled", `${lower} to ${upper}`, offered ? "book" : "", `${advice.length} pieces of advice`].join("; ");
}

must(`${questions.length} questions`, questions.length > 0);
const begun = await client.POST("/v1/scores", { params: { query: { view: "summary" } }, body: { answers: { age: 82 } } });
must("a preview of one answer has open questions", begun.data && begun.data.open_questions.length > 0);
const scored = must("a score before anything is stored", preview.data);
const stored = must(`a submission, ${beside.length} faults`, receipt);
must("it has the score of the preview", describe(stored.assessment) === describe(scored));
must("it is flagged", stored.assessment.flagged);
const again = must("a retry with the same key", (await submit()).data);
must("it gives the same receipt", JSON.stringify(again) === JSON.stringify(stored));
const wrong = await client.POST("/v1/submissions", { body: { answers: { ...answers, age: 7 } } });
must("a refused body names its field", wrong.error?.errors.some(({ pointer }) => pointer === "/answers/age"));
console.log(describe(stored.assessment));
