// A morning of staff, with the types that openapi-typescript generates; .ci/clients compiles and runs it after the intake system.

import createClient from "openapi-fetch";
import { baseUrl, inAWeek, key, must, name } from "./must.js";
import type { paths } from "./v1.js";

const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });
const begun = new Date();
const me = must("the caller", (await client.GET("/v1/me")).data);
const colleagues = must("who can take over", (await client.GET("/v1/staff")).data).items;
must(`${me.display_name} of ${me.clinic.name} is one of ${colleagues.length}`, colleagues.some(({ id }) => id === me.id));

const page = await client.GET("/v1/follow-ups", { params: { query: { state: ["open", "assigned"], limit: 50 } } });
const rows = must("who first, and why", page.data).items;
must(`${rows.length} rows with reasons`, rows.length > 0 && rows.every(({ reasons }) => reasons.length > 0));
must("only of the states in the filter", rows.every(({ state }) => state === "open" || state === "assigned"));

const taken = must("the next follow-up", (await client.POST("/v1/follow-ups/next")).data);
must("it is the caller's", taken.state === "assigned" && taken.assignee === me.id);
const at = (version: number) => ({ path: { id: taken.id }, header: { "If-Match": `"${version}"` } });
const stale = await client.POST("/v1/follow-ups/{id}/contact", { params: at(taken.version - 1), body: { reached: true } });
must("an earlier version is refused, with the current one", stale.error?.current?.version === taken.version);
const called = await client.POST("/v1/follow-ups/{id}/contact", { params: at(taken.version), body: { reached: true } });
const contacted = must("the person is reached", called.data?.state === "contacted" && called.data);
const body = { appointment_at: inAWeek().toISOString(), note: "Comes with a daughter" };
const answer = await client.POST("/v1/follow-ups/{id}/book", { params: at(contacted.version), body });
const booked = must("an appointment", answer.data?.state === "booked" && answer.data);
const history = await client.GET("/v1/follow-ups/{id}/history", { params: { path: { id: taken.id } } });
must("its history", history.data?.items.at(-1)?.version === booked.version);
const since = begun.toISOString();
const changes = await client.GET("/v1/follow-ups/changes", { params: { query: { since } } });
must("how many changed since", changes.data && changes.data.count > 0);

const found = await client.POST("/v1/subjects/search", { body: { name } });
const subject = must("a subject by name", found.data?.items[0]);
must("it is the one", subject.contact?.name === name);
const submissions = await client.GET("/v1/subjects/{id}/submissions", { params: { path: { id: subject.id } } });
const latest = must("its submissions", submissions.data?.items[0]);
const spanish = { path: { id: latest.id }, header: { "Accept-Language": "es" } };
const read = must("one of them, in Spanish", (await client.GET("/v1/submissions/{id}", { params: spanish })).data);
must(read.assessment.care_title, read.assessment.rule_table === latest.rule_table);
const figures = must("the figures of the month", (await client.GET("/v1/statistics")).data);
must(`${figures.submissions.total} submissions`, figures.submissions.total > 0);
