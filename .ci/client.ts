// A clinic's front end in small, compiled against the types generated from the OpenAPI document and never run.
// It fails to compile when a client could no longer be written against the document.

import createClient from "openapi-fetch";
import type { paths } from "openapi-v1";

type Client = ReturnType<typeof createClient<paths>>;
type Outcome = paths["/v1/scores"]["post"]["responses"][200]["content"]["application/json"];

const answers = {
  age: 82,
  falls_past_year: 4,
  activity: "inactive",
  stair_difficulty: "a_lot_or_unable",
  medications: ["systemic_corticosteroid"],
} satisfies paths["/v1/scores"]["post"]["requestBody"]["content"]["application/json"]["answers"];

export async function screen(baseUrl: string, key: string): Promise<string[]> {
  const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });
  return [await ask(client), await preview(client), await submit(client)];
}

async function ask(client: Client): Promise<string> {
  const { data, error } = await client.GET("/v1/questionnaire");
  if (!data) throw new Error(`no questionnaire: ${JSON.stringify(error)}`);
  return `${data.groups.flatMap((group) => group.items).length} questions`;
}

async function preview(client: Client): Promise<string> {
  const { data, error } = await client.POST("/v1/scores", { body: { answers } });
  if (!data) throw new Error(faults(error));
  return describe(data);
}

async function submit(client: Client): Promise<string> {
  const { data, error, response } = await client.POST("/v1/submissions", {
    params: { header: { "Idempotency-Key": "3f0c7a52" } },
    body: { answers },
  });
  if (!data) throw new Error(`${response.status}: ${faults(error)}`);
  const flagged: boolean = data.flagged;
  return `${data.id} ${flagged ? "flagged" : ""} ${describe(data.assessment)}`;
}

function describe(outcome: Outcome): string {
  // Null when unanswered items could still change it, and never absent.
  const band: "low" | "moderate" | "high" | null = outcome.band;
  const lower: number = outcome.score.lower;
  const upper: number = outcome.score.upper;
  const advice: string[] = outcome.recommendations.map((recommendation) => recommendation.text);
  const offered: boolean = outcome.consultation.offered;
  return [band ?? "not settled", `${lower} to ${upper}`, offered ? "book" : "", ...advice].join("; ");
}

// What a form shows beside its fields.
type Problem = { title: string; errors?: { pointer: string; detail: string }[] | null };

function faults(problem: Problem | undefined): string {
  const errors = problem?.errors ?? [];
  return [problem?.title, ...errors.map(({ pointer, detail }) => `${pointer}: ${detail}`)].join("\n");
}
