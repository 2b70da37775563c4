// A morning of staff, with the client of openapi-generator; .ci/clients compiles and runs it after the intake system.

import { Configuration, StaffApi } from "./client/index.js";
import { baseUrl, inAWeek, key, must, name } from "./must.js";
import { refusal } from "./refusal.js";

const staff = new StaffApi(new Configuration({ basePath: baseUrl, accessToken: key }));
const begun = new Date();
const me = await staff.getMe();
const { items: colleagues } = await staff.listStaff();
must(`${me.display_name} of ${me.clinic.name} is one of ${colleagues.length}`, colleagues.some(({ id }) => id === me.id));

const { items: rows } = await staff.listFollowUps({ state: ["open", "assigned"], limit: 50 });
must(`${rows.length} rows with reasons`, rows.length > 0 && rows.every(({ reasons }) => reasons.length > 0));
must("only of the states in the filter", rows.every(({ state }) => state === "open" || state === "assigned"));

const { id, ...taken } = must("the next follow-up", await staff.takeNextFollowUp({}));
must("it is the caller's", taken.state === "assigned" && taken.assignee === me.id);
const contact = (version: number) => staff.contactFollowUp({ id, ifMatch: `"${version}"`, contactAttemptInput: { reached: true } });
const stale = await refusal(contact(taken.version - 1));
must("an earlier version is refused, with the current one", stale.current?.version === taken.version);
const contacted = await contact(taken.version);
must("the person is reached", contacted.state === "contacted");
const bookInput = { appointment_at: inAWeek(), note: "Comes with a daughter" };
const booked = await staff.bookFollowUp({ id, ifMatch: `"${contacted.version}"`, bookInput });
must("an appointment", booked.state === "booked");
const history = await staff.listFollowUpHistory({ id });
must("its history", history.items.at(-1)?.version === booked.version);
must("how many changed since", (await staff.countFollowUpChanges({ since: begun })).count > 0);

const { items: subjects } = await staff.searchSubjects({ subjectSearch: { name } });
const subject = must("a subject by name", subjects[0]);
must("it is the one", subject.contact?.name === name);
const submissions = await staff.listSubjectSubmissions({ id: subject.id });
const latest = must("its submissions", submissions.items[0]);
const read = await staff.getSubmission({ id: latest.id, acceptLanguage: "es" });
must(`one of them, in Spanish: ${read.assessment.care_title}`, read.assessment.rule_table === latest.rule_table);
const figures = await staff.getStatistics({});
must(`${figures.submissions.total} submissions`, figures.submissions.total > 0);
