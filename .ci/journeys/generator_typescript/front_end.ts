// A minimal front end of a clinic, with the client of openapi-generator; .ci/clients compiles and runs it.

import { Configuration, ScoreInputFromJSON, ScreeningApi, SubmissionInputFromJSON } from "./client/index.js";
import { baseUrl, key, must, reference } from "./must.js";
import { answers } from "./person.js";
import { refusal } from "./refusal.js";

const screening = new ScreeningApi(new Configuration({ basePath: baseUrl, accessToken: key }));
const form = await screening.getQuestionnaire({});
const questions = form.groups.flatMap((group) => group.items);
must(`${questions.length} questions`, questions.length > 0);
const begun = await screening.createScore({ view: "summary", scoreInput: ScoreInputFromJSON({ answers: { age: 82 } }) });
must("a preview of one answer has open questions", begun.open_questions.length > 0);
const preview = await screening.createScore({ scoreInput: ScoreInputFromJSON({ answers }) });
const submit = () =>
  screening.createSubmission({ submissionInput: SubmissionInputFromJSON({ answers }), idempotencyKey: `${reference}-page` });
const receipt = await submit();
must("a submission has the score of the preview", receipt.assessment.score.lower === preview.score.lower);
must("it is flagged", receipt.assessment.flagged);
must("a retry with the same key gives the same receipt", (await submit()).id === receipt.id);
const wrong = SubmissionInputFromJSON({ answers: { ...answers, age: 7 } });
const problem = await refusal(screening.createSubmission({ submissionInput: wrong }));
must("a refused body names its field", problem.errors.some(({ pointer }) => pointer === "/answers/age"));
