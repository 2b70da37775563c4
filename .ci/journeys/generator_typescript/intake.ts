// A minimal intake system of a clinic, with the client of openapi-generator; .ci/clients compiles and runs it.

import { Configuration, ScreeningApi, SubmissionBatchInputFromJSON, SubmissionInputFromJSON } from "./client/index.js";
import { baseUrl, key, must, reference } from "./must.js";
import { answers, subject } from "./person.js";
import { refusal } from "./refusal.js";

const body = { answers, subject };
const faulty = { ...body, answers: { ...answers, age: 7 } };

const screening = new ScreeningApi(new Configuration({ basePath: baseUrl, accessToken: key }));
const send = (record: string, submission: object) =>
  screening.createSubmission({
    submissionInput: SubmissionInputFromJSON(submission),
    idempotencyKey: `${reference}-${record}`,
    prefer: "return=minimal",
  });

const receipt = await send("1", body);
must("a submission with a reference, contact data and a key is flagged", receipt.assessment.flagged);
must("and opens a follow-up", receipt.follow_up);
must("a retry gives the same receipt", (await send("1", body)).id === receipt.id);
const later = await send("2", body);
must("the same reference is the same subject", later.subject_id === receipt.subject_id && later.id !== receipt.id);
const problem = await refusal(send("3", faulty));
must("a refused body names its field", problem.errors.some(({ pointer }) => pointer === "/answers/age"));
const items = [{ submission: body, idempotency_key: `${reference}-4` }, { submission: faulty }];
const batch = await screening.createSubmissionBatch({ submissionBatchInput: SubmissionBatchInputFromJSON({ items }) });
const statuses = batch.items.map(({ status }) => status).join();
must(`the items of a batch have a status each: ${statuses}`, statuses === "201,422");
