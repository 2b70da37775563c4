// <sarco-screen> on a site that the clinic allows, and on one that it does not.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { BASE, FORM, must, ok, open } from './kit.mjs';
import { FRAIL, REQUIRED, SIGNS, fill, go, only, step } from './form.mjs';

const { PORT, ALLOWED, REFUSED } = process.env;
/** What a message of the frame may have. */
const FIELDS = ['height', 'step', 'of', 'sent'];
const SITE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A clinic</title>
<script type="module" src="${BASE}/sarco-screen.js"></script></head>
<body><h1>A clinic</h1><sarco-screen src="${FORM}?lang=en" title="Questions about muscle strength"></sarco-screen><p>The end</p></body>
</html>`;

async function served(use) {
  const server = createServer((request, response) => {
    if (request.url === '/') response.writeHead(200, { 'content-type': 'text/html' }).end(SITE);
    else response.writeHead(204).end();
  }).listen(Number(PORT), '127.0.0.1');
  await once(server, 'listening');
  try {
    await use();
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Keeps the messages and the events that the site gets. */
const listening = (page) =>
  page.addInitScript(() => {
    // The frame has the same script, and no listener of the site.
    if (window !== top) return;
    globalThis.got = { messages: [], events: [] };
    addEventListener('message', ({ data }) => globalThis.got.messages.push(data));
    for (const name of ['sarco-step', 'sarco-sent']) {
      addEventListener(name, ({ detail }) => globalThis.got.events.push([name, detail]));
    }
  });

/** The last two steps that the site saw are one: it cannot tell an alarm from a fault. */
const STEP_AGAIN = () => {
  const steps = globalThis.got.messages.filter(({ sarcoscreen }) => sarcoscreen.step);
  return JSON.stringify(steps.at(-1)) === JSON.stringify(steps.at(-2));
};

/** The frame is as high as its content: one scroll bar. */
async function fitsFrame(page, frame, what) {
  const height = await frame.evaluate(() => Math.ceil(document.documentElement.getBoundingClientRect().height));
  const fits = (height) => Math.abs(document.querySelector('iframe').clientHeight - height) < 20;
  await page.waitForFunction(fits, height, { timeout: 10_000 }).catch(() => must(`${what}: the frame is ${height} px high`, false));
}

async function allowed(browser) {
  const { page, close } = await open(browser, `${ALLOWED}/`, { hosts: [BASE, ALLOWED], before: listening });
  const frame = page.frames().find((one) => one.url().startsWith(FORM));
  must('the form is in the frame', frame);
  await frame.locator('[data-step]').first().waitFor();
  const answers = { ...only(FRAIL, REQUIRED), ...SIGNS.emergency, to_contact: 'no' };
  let alarms = 0;
  while ((await step(frame)) !== 'review') {
    await fill(frame, answers);
    await fitsFrame(page, frame, `step ${await step(frame)}`);
    await go(frame);
    if (!(await frame.locator('[data-alarm]').count())) continue;
    alarms += 1;
    await fitsFrame(page, frame, 'the interruption');
    await page.waitForFunction(STEP_AGAIN, null, { timeout: 10_000 }).catch(() => must('the site sees an interruption as its step again', false));
    await go(frame, () => frame.click('[data-go-on]'));
  }
  must(`one interruption, not ${alarms}`, alarms === 1);
  await frame.locator('[data-review] dl').first().waitFor();
  await frame.click('[data-send]');
  await frame.locator('[data-sent]').waitFor();
  await page.waitForFunction(() => globalThis.got.events.some(([name]) => name === 'sarco-sent'));
  await fitsFrame(page, frame, 'the outcome');
  must('the site shows the beginning of the outcome', (await page.locator('iframe').boundingBox()).y > -50);
  const { messages, events } = await page.evaluate(() => globalThis.got);
  const fields = new Set(messages.flatMap(({ sarcoscreen }) => Object.keys(sarcoscreen)));
  must(`no message has an answer: ${[...fields]}`, [...fields].every((name) => FIELDS.includes(name)));
  const values = messages.flatMap(({ sarcoscreen }) => Object.values(sarcoscreen));
  must('their values are numbers and flags', values.every((value) => value === true || Number.isFinite(value)));
  const names = events.map(([name]) => name);
  must(`the events: ${names}`, names.includes('sarco-step') && names.at(-1) === 'sarco-sent');
  await close();
  ok(`on an allowed site the frame follows the form: ${events.length} events without answers`);
}

async function refused(browser) {
  const { page, close } = await open(browser, `${REFUSED}/`, { hosts: [BASE, REFUSED], before: listening });
  await page.locator('iframe').waitFor();
  const shown = await Promise.all(page.frames().map((one) => one.locator('form').count().catch(() => 0)));
  must('no frame has the form', shown.every((count) => count === 0));
  must('the site gets no message', (await page.evaluate(() => globalThis.got.messages.length)) === 0);
  await close('frame-ancestors', 'net::ERR_BLOCKED_BY_RESPONSE', 'chrome-error');
  ok('on another site the browser refuses the frame');
}

async function both(browser) {
  await served(async () => {
    await allowed(browser);
    await refused(browser);
  });
}

export const scenarios = [both];
