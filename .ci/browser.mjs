// Uses the example front end in headless Chromium, for .ci/browser; ends with 1 at the first fault.
//   BASE=http://.. PORT=.. KEY=pk_.. BOUND_KEY=pk_.. STAFF_KEY=sk_.. node browser.mjs FOLDER      FOLDER holds node_modules
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { BASE, PORT, KEY, BOUND_KEY, STAFF_KEY } = process.env;
const require = createRequire(`${process.argv[2]}/here.js`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const html = readFileSync(new URL('../docs/examples/front-end.html', import.meta.url));
const LOCAL = `http://localhost:${PORT}`;
// Chromium resolves this host to this machine; the default run does not allow it. Its pages are not a secure context.
const FOREIGN = `http://clinic.test:${PORT}`;
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
const ANSWERS = { age: 82, falls_past_year: 4, activity: 'inactive', stair_difficulty: 'a_lot_or_unable', medications: 'statin' };

function must(what, value) {
  if (!value) throw new Error(`failed: ${what}`);
}
function ok(what) {
  console.log(`ok: ${what}`);
}

async function service(path, { key, language = 'en', origin, body } = {}) {
  const headers = { 'accept-language': language, ...(key && { authorization: `Bearer ${key}` }), ...(origin && { origin }) };
  const json = body && { method: 'POST', body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } };
  const response = await fetch(BASE + path, { headers, ...json, signal: AbortSignal.timeout(60_000) });
  return { status: response.status, body: await response.json() };
}

/** A page with its console. Each response that Chromium reports there must be one that the step expects. */
async function open(browser, origin, { key = KEY, language = 'en', viewport = DESKTOP, before } = {}) {
  const context = await browser.newContext({ locale: language, viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.stack));
  await before?.(page);
  await page.goto(`${origin}/?base=${encodeURIComponent(BASE)}&key=${key}`);
  // The first preview, or its refusal.
  await page.locator('#status:not(:empty), #notice:not(:empty)').first().waitFor();
  const close = async (...expected) => {
    const wrong = faults.filter((fault) => !expected.some((text) => fault.includes(text)));
    must(`a clean console, not ${JSON.stringify(wrong)}`, wrong.length === 0);
    for (const text of expected) must(`the console reports: ${text}`, faults.some((fault) => fault.includes(text)));
    await context.close();
  };
  return { page, close };
}

async function fill(page, answers) {
  for (const [item, value] of Object.entries(answers)) {
    const number = page.locator(`input[name="${item}"][inputmode]`);
    if (await number.count()) {
      await number.fill(String(value));
      await number.blur();
    } else {
      await page.check(`input[name="${item}"][value="${value}"]`);
    }
  }
}

/** The preview of what is filled in now. */
async function previewOf(page, act) {
  const scored = page.waitForResponse((response) => response.url().startsWith(`${BASE}/v1/scores`));
  await act();
  return (await scored).json();
}

async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  must(`${what}: ${JSON.stringify(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))}`, !violations.length);
  const [width, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  must(`${what}: no scrolling sideways, ${width} in ${room}`, width <= room);
  ok(`${what}: ${passes.length} rules of axe-core pass at a width of ${room}`);
}

/** The page shows the receipt of a stored submission, with the service's texts. */
async function stored(page, answers) {
  const id = await page.locator('#receipt').textContent();
  const language = await page.evaluate(() => document.documentElement.lang);
  const { status, body } = await service(`/v1/submissions/${id}`, { key: STAFF_KEY, language });
  must(`the submission ${id} is stored: ${status}`, status === 200 && body.answers.age === answers.age);
  must('the result has the focus', await page.evaluate(() => document.activeElement.id === 'result'));
  const { care_title, consultation, label, explanation, red_flags, findings, recommendations, risks } = body.assessment;
  const reasons = [...red_flags, ...findings].map(({ reason }) => reason);
  const advice = [...recommendations, ...risks].map(({ text }) => text);
  const shown = await page.locator('#result').innerText();
  for (const text of [care_title, consultation.text, label, explanation, ...reasons, ...advice]) {
    must(`the receipt says: ${text}`, shown.includes(text));
  }
  return { ...body.assessment, advice };
}

async function languages(browser) {
  const { page, close } = await open(browser, LOCAL, { viewport: PHONE });
  for (const [language, name] of [['en', 'English'], ['es', 'Español']]) {
    const { body: form } = await service('/v1/questionnaire', { language });
    await page.getByRole('button', { name }).click();
    await page.locator('h1', { hasText: form.title }).waitFor();
    const items = form.groups.flatMap((group) => group.items).filter((item) => item.audience === 'person');
    const shown = await page.locator('.group:not(#contact) .field').count();
    must(`${shown} of ${items.length} questions`, shown === items.length);
    for (const { label } of items) must(`the question: ${label}`, await page.getByText(label).count());
    must('the language of the page', await page.evaluate((tag) => document.documentElement.lang === tag, language));
    await page.locator('#status:not(:empty)').waitFor();
    await accessible(page, `the form in ${name}, ${shown} questions`);
    if (language === 'en') await fill(page, { age: 82, dairy_daily: 'true' });
  }
  must('a number survives the switch', (await page.inputValue('[name=age]')) === '82');
  must('an option survives the switch', await page.isChecked('[name=dairy_daily][value=true]'));
  ok('the answers survive the switch of the language');
  await close();
}

async function previews(browser) {
  const { page, close } = await open(browser, LOCAL);
  const seen = await previewOf(page, () => fill(page, { age: 82 }));
  await page.locator('#status', { hasText: seen.care_title }).waitFor();
  must('a preview has no more than the summary', seen.findings === undefined);
  ok(`a preview: ${seen.care_title}`);

  let release;
  const dropped = page.waitForEvent('requestfailed');
  await page.route('**/v1/scores*', (route) => (release = () => route.abort()), { times: 1 });
  const held = page.waitForRequest('**/v1/scores*');
  await fill(page, { sex: 'female' });
  await held;
  await fill(page, { dairy_daily: 'true' });
  must('the earlier preview is dropped', (await dropped).failure().errorText === 'net::ERR_ABORTED');
  release();
  ok('a later answer drops the preview under way');

  const row = page.locator('#item-long_lie_after_fall');
  must('a question that depends on falls is not asked yet', await row.isHidden());
  await page.fill('[name=falls_past_year]', '2');
  await row.waitFor();
  await page.fill('[name=falls_past_year]', '0');
  await row.waitFor({ state: 'hidden' });
  ok('a question is asked when the answer that it depends on is above 0');

  await page.check('#no-alarm');
  const rows = await page.locator('.group:has(#no-alarm) .field:visible').count();
  must('no to all', (await page.locator('.group:has(#no-alarm) .field :checked').count()) === rows);
  await page.check('[name=conditions][value=diabetes]');
  await page.check('[name=conditions][value=none_of_these]');
  must('an exclusive option', !(await page.isChecked('[name=conditions][value=diabetes]')));
  ok(`no to all answers ${rows} alarm questions, and "none of these" excludes the others`);
  await close();
}

async function faults(browser) {
  const { page, close } = await open(browser, LOCAL, { viewport: PHONE });
  await fill(page, { age: 12 });
  await page.locator('#fault-age', { hasText: '18 to 120' }).waitFor();
  must('the field is marked', (await page.getAttribute('[name=age]', 'aria-invalid')) === 'true');
  ok('a preview shows a fault beside its field');
  await fill(page, { dark_urine: 'true', muscle_pain: 'true', height_cm: 'tall' });
  await page.click('#send');
  await page.locator('#notice li').first().waitFor();
  for (const item of ['age', 'height_cm', 'stair_difficulty', 'falls_past_year', 'activity', 'medications']) {
    must(`a fault beside ${item}`, await page.locator(`#fault-${item}`).isVisible());
  }
  must('the faults have the focus', await page.evaluate(() => document.activeElement.id === 'notice'));
  await page.click('#notice a[href="#item-age"]');
  must('a link leads to its field', await page.evaluate(() => document.activeElement.name === 'age'));
  must('the red flags of a refused body', (await page.locator('#alarm li').count()) > 0);
  await accessible(page, 'a refused submission with its faults and red flags');
  await close('422');
}

async function submission(browser) {
  const { page, close } = await open(browser, LOCAL, { viewport: PHONE });
  await fill(page, { ...ANSWERS, dark_urine: 'true' });
  const { body: known } = await service('/v1/scores', { key: KEY, body: { answers: { dark_urine: true, muscle_pain: true } } });
  await fill(page, { muscle_pain: 'true' });
  await page.locator('#alarm', { hasText: known.red_flags[0].reason }).waitFor();
  await page.locator('#alarm', { hasText: known.consultation.text }).waitFor();
  await page.locator(`#alarm a[href="tel:${known.consultation.emergency_number}"]`).waitFor();
  ok(`a red flag in a preview: ${known.care_title}`);

  // The service stores the submission, and its response is lost.
  const sent = [];
  page.on('request', (request) => request.url().includes('/v1/submissions') && sent.push(request));
  let first;
  await page.route('**/v1/submissions*', async (route) => {
    first = await (await route.fetch()).json();
    await route.abort();
  }, { times: 1 });
  await page.click('#send');
  await page.locator('#notice', { hasText: 'cannot be reached' }).waitFor();
  must('the answers cannot change now', await page.locator('[name=age]').isDisabled());
  const replay = page.waitForResponse('**/v1/submissions*');
  await page.click('#send');
  must('the service replays', (await replay).headers()['idempotent-replayed'] === 'true');
  await page.locator('#receipt', { hasText: first.id }).waitFor();
  const [a, b] = sent.map((request) => request.headers()['idempotency-key']);
  must(`one key, ${a} and ${b}`, sent.length === 2 && a === b && /^[0-9a-f]{32}$/.test(a));
  ok('a lost response is fetched by a retry with the same idempotency key');

  const { care_level, red_flags } = await stored(page, ANSWERS);
  must('an emergency', care_level === 'emergency' && red_flags.length > 0);
  await accessible(page, `the receipt of a stored submission with ${red_flags.length} red flags`);
  await close('net::ERR_FAILED');
}

const CONTACT = { name: 'Ada Example', telephone: '+1 555 0100', email: 'ada@example.org' };

/** The page names the clinic, sends contact data only after a yes to its consent text, and shows the receipt code. */
async function contact(browser) {
  for (const [language, agrees] of [['en', true], ['es', false]]) {
    const { page, close } = await open(browser, LOCAL, { viewport: PHONE, language });
    const { body: clinic } = await service('/v1/clinic', { key: KEY, language });
    const head = await page.locator('header').innerText();
    for (const said of [clinic.name, ...clinic.emergency_numbers.map(({ number }) => number)]) must(`the head says ${said}`, head.includes(said));
    for (const address of [clinic.privacy_notice, clinic.booking_url]) {
      must(`the head has a link to ${address}`, (await page.locator(`header a[href="${address}"]`).count()) === 1);
    }
    must('the consent text is unchanged', (await page.locator('#help-may-contact').textContent()) === clinic.consent.text);
    must('contact data is not asked for yet', await page.locator('#contact-data').isHidden());
    await fill(page, ANSWERS);
    await page.check('[name="may-contact"][value="true"]');
    await page.keyboard.press('Tab');
    must('the next field is the name', await page.evaluate(() => document.activeElement.id === 'contact-name'));
    for (const [part, text] of Object.entries(CONTACT)) await page.fill(`#contact-${part}`, text);
    await accessible(page, `the contact data in ${language}`);
    if (!agrees) await page.check('[name="may-contact"][value="false"]');
    must('contact data is asked for only after a yes', (await page.locator('#contact-data').isVisible()) === agrees);

    const sending = page.waitForRequest((request) => request.method() === 'POST' && request.url().includes('/v1/submissions'));
    await page.click('#send');
    const { subject } = (await sending).postDataJSON();
    const { consent } = subject;
    must(`the consent: ${JSON.stringify(consent)}`, consent.to_contact === agrees && consent.text_version === clinic.consent.version);
    const wanted = agrees ? JSON.stringify({ ...CONTACT, language }) : undefined;
    must(`the contact data: ${JSON.stringify(subject.contact)}`, JSON.stringify(subject.contact) === wanted);
    await page.locator('#receipt').waitFor();
    await stored(page, ANSWERS);
    const id = await page.locator('#receipt').textContent();
    const { body: kept } = await service(`/v1/submissions/${id}`, { key: STAFF_KEY });
    const code = `${kept.receipt_code.slice(0, 4)} ${kept.receipt_code.slice(4)}`;
    must(`the code ${code} is shown`, (await page.locator('#code').textContent()) === code);
    const { body: person } = await service(`/v1/subjects/${kept.subject_id}`, { key: STAFF_KEY });
    must('consent is stored', person.consent.to_contact === agrees);
    must('contact data is stored only with it', agrees ? person.contact.telephone === CONTACT.telephone : person.contact === null);
    await accessible(page, `the receipt with its code in ${language}`);
    await close();
  }
  ok('without consent contact data is not sent, with consent it is; the receipt code is shown');
}

/** Contact data that the service cannot read refuses nothing; the receipt says so. */
async function unread(browser) {
  const number = { telephone: 'no number' };
  const { page, close } = await open(browser, LOCAL);
  await fill(page, ANSWERS);
  await page.check('[name="may-contact"][value="true"]');
  for (const [part, text] of Object.entries({ ...CONTACT, ...number })) await page.fill(`#contact-${part}`, text);
  await page.getByRole('button', { name: 'Español' }).click();
  await page.locator('html[lang="es"]').waitFor({ state: 'attached' });
  must('contact data survives the switch', (await page.inputValue('#contact-telephone')) === number.telephone);
  const answer = page.waitForResponse((response) => response.request().method() === 'POST' && response.url().includes('/v1/submissions'));
  await page.click('#send');
  const { warnings } = await (await answer).json();
  await page.locator('#receipt').waitFor();
  must(`a warning: ${JSON.stringify(warnings)}`, warnings.length === 1 && warnings[0].code === 'telephone_not_kept');
  must('the receipt says it', (await page.locator('#result').innerText()).includes(warnings[0].text));
  await close();
  ok('a number that cannot be read is stated with the receipt');
}

async function busy(browser) {
  const { page, close } = await open(browser, LOCAL);
  await fill(page, ANSWERS);
  // Other visitors at the same address use up the rate limit, until the page is refused too.
  let others = 0;
  await page.route('**/v1/submissions*', async (route) => {
    let response;
    const visit = async () => {
      while (response?.status() !== 429) {
        await service('/v1/submissions', { key: KEY, origin: LOCAL, body: { answers: {} } });
        others += 1;
      }
    };
    const visitors = Array.from({ length: 8 }, visit);
    while (response?.status() !== 429) response = await route.fetch();
    await Promise.all(visitors);
    await route.fulfill({ response });
  }, { times: 1 });
  const refused = page.waitForResponse((response) => response.status() === 429);
  await page.click('#send');
  const seconds = (await refused).headers()['retry-after'];
  await page.locator('#receipt').waitFor();
  must('the page says why it waits', (await page.locator('#notice').textContent()).includes('busy'));
  await stored(page, ANSWERS);
  ok(`beside ${others} requests of others a submission is 429 with Retry-After: ${seconds}; the page waits, and it is stored`);
  await close('429');
}

async function unknown(browser) {
  const change = (pattern, edit) => async (page) => {
    await page.route(pattern, async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      edit(json);
      await route.fulfill({ response, json });
    });
  };
  const { page, close } = await open(browser, LOCAL, {
    before: async (page) => {
      await change('**/v1/questionnaire', ({ groups }) => {
        groups[0].items[1].audience = 'carer';
        groups[0].items[2].kind = 'picture';
      })(page);
      await change('**/v1/submissions*', ({ assessment }) => {
        assessment.instruments[0].outcome = 'borderline';
        assessment.care_level = 'another';
        assessment.pathways.forEach((pathway) => (pathway.stage = 'another'));
      })(page);
    },
  });
  await fill(page, ANSWERS);
  must('unknown kinds and audiences are left out', (await page.locator('#item-sex, #item-height_cm').count()) === 0);
  await page.click('#send');
  await page.locator('#result', { hasText: 'borderline' }).waitFor();
  ok('values that the page does not know are left out or shown as they are');
  await close();
}

/** The headers that tracing libraries add to each request of a page, and those that a page reads. */
async function headers(browser) {
  const { page, close } = await open(browser, LOCAL);
  const { first, again, refused } = await page.evaluate(async ([base, key, answers]) => {
    const trace = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    const sent = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
      prefer: 'return=minimal',
      traceparent: `00-${trace.join('-')}-01`,
      tracestate: 'page=1',
      baggage: 'page=1',
      'sentry-trace': `${trace.join('-')}-1`,
    };
    const body = JSON.stringify({ answers });
    const send = (more) => fetch(`${base}/v1/submissions`, { method: 'POST', headers: { ...sent, ...more }, body });
    const read = ({ status, headers }) => ({ status, ...Object.fromEntries(headers) });
    const [first, again] = [read(await send()), read(await send())];
    const refused = await send({ 'x-other': '1' }).then(({ status }) => status, (error) => error.name);
    return { first, again, refused };
  }, [BASE, KEY, { ...ANSWERS, medications: [ANSWERS.medications] }]);
  must(`201 with the headers of tracing libraries, not ${first.status}`, first.status === 201);
  for (const name of ['location', 'x-request-id', 'ratelimit', 'ratelimit-policy']) must(`the page reads ${name}`, first[name]);
  must('the page reads that the retry is replayed', again['idempotent-replayed'] === 'true' && again.location === first.location);
  must('any other header is refused', refused === 'TypeError');
  ok('a page sends the headers of tracing libraries and reads Location, X-Request-Id, RateLimit and Idempotent-Replayed');
  await close('blocked by CORS policy', 'net::ERR_FAILED');
}

/** An answer that contradicts no other; numbers are above 0, so that each question is asked. */
function plausible({ id, kind, minimum, step, options }) {
  const numbers = { ...ANSWERS, height_cm: 165, weight_kg: 60 };
  if (['integer', 'decimal'].includes(kind)) return numbers[id] ?? Math.max(minimum, step);
  if (kind === 'boolean') return 'false';
  return (options.find((option) => option.excludes_others) ?? options[0]).id;
}

/** A whole form on a page with a key of its own origin: the public reads, a preview for each answer, the submission. */
async function whole(browser) {
  const { page, close } = await open(browser, FOREIGN, { key: BOUND_KEY });
  const reads = await page.evaluate(async (base) => {
    const form = await fetch(`${base}/v1/questionnaire`);
    const again = await fetch(`${base}/v1/questionnaire`, { headers: { 'if-none-match': form.headers.get('etag') } });
    const paths = [`/v1/rule-tables/${(await form.json()).rule_table}`, '/v1/conformance', '/openapi.json'];
    const others = await Promise.all(paths.map((path) => fetch(base + path)));
    return [form, again, ...others].map(({ status }) => status).join();
  }, BASE);
  must(`the public reads: ${reads}`, reads === '200,304,200,200,200');
  ok('every origin reads the questionnaire, the rule table, the conformance cases and the document without a key');

  const { body: form } = await service('/v1/questionnaire');
  const items = form.groups.flatMap((group) => group.items).filter((item) => item.audience === 'person');
  let [bytes, compressed] = [0, 0];
  const answered = new Set();
  // Twice, because some questions are asked only after an answer above 0 to a later one.
  for (const item of [...items, ...items]) {
    const shown = await page.locator(`.field:has([name="${item.id}"])`).isVisible();
    if (!shown || answered.has(item.id)) continue;
    answered.add(item.id);
    const scored = page.waitForResponse((response) => response.url().startsWith(`${BASE}/v1/scores`));
    await fill(page, { [item.id]: plausible(item) });
    const response = await scored;
    must(`a preview after ${item.id}: ${await response.text()}`, response.status() === 200);
    bytes += (await response.body()).length;
    compressed += (await response.request().sizes()).responseBodySize;
  }
  must(`all ${items.length} questions are answered, not ${answered.size}`, answered.size === items.length);
  ok(`${answered.size} previews of a whole form: ${bytes} bytes, ${compressed} on the wire`);
  await page.click('#send');
  await page.locator('#receipt').waitFor();
  const { open_questions } = await stored(page, ANSWERS);
  ok(`the whole form is submitted, ${open_questions.length} questions could still change the result`);
  await close();
}

async function foreign(browser) {
  const refused = await open(browser, FOREIGN);
  await refused.page.locator('#notice', { hasText: 'does not work' }).waitFor();
  must('the public form is shown', (await refused.page.locator('.field').count()) > 0);
  must('the reason', (await refused.page.locator('#notice details').textContent()).includes('origin_not_allowed'));
  ok('on an origin that the default run does not allow the demo key is refused: 403 origin_not_allowed');
  const staff = (page) => page.evaluate(async ([base, key]) => {
    const headers = { authorization: `Bearer ${key}` };
    return fetch(`${base}/v1/me`, { headers }).then((response) => response.status, (error) => error.name);
  }, [BASE, STAFF_KEY]);
  must('an operation of staff is refused by CORS', (await staff(refused.page)) === 'TypeError');
  ok('there CORS refuses an operation of staff');
  await refused.close('403', 'blocked by CORS policy', 'net::ERR_FAILED');

  const { page, close } = await open(browser, FOREIGN, { key: BOUND_KEY, language: 'es' });
  must('no secure context', await page.evaluate(() => !window.isSecureContext));
  const seen = await previewOf(page, () => fill(page, { age: ANSWERS.age }));
  await page.locator('#status', { hasText: seen.care_title }).waitFor();
  await fill(page, ANSWERS);
  await page.click('#send');
  await page.locator('#receipt').waitFor();
  const { care_title, advice } = await stored(page, ANSWERS);
  must('advice', advice.length > 0);
  ok(`with a key of its own origin the same page previews and submits: ${care_title}, ${advice.length} pieces of advice`);
  await close();

  const elsewhere = await open(browser, LOCAL, { key: BOUND_KEY });
  await elsewhere.page.locator('#notice', { hasText: 'does not work' }).waitFor();
  must('the same origin rule for every page', (await staff(elsewhere.page)) === 200);
  ok('on localhost that key is refused, and an operation of staff is allowed');
  await elsewhere.close('403');
}

const server = createServer((request, response) => {
  // A browser also requests an icon.
  if (request.url.startsWith('/?')) response.writeHead(200, { 'content-type': 'text/html' }).end(html);
  else response.writeHead(204).end();
}).listen(Number(PORT), '127.0.0.1');
await once(server, 'listening');
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium-headless-shell',
  args: ['--no-sandbox', '--host-resolver-rules=MAP clinic.test 127.0.0.1'],
});
try {
  ok(`Chromium ${browser.version()}, pages of ${LOCAL} and ${FOREIGN}, the service at ${BASE}`);
  for (const step of [languages, previews, faults, submission, contact, unread, unknown, headers, foreign, whole, busy]) await step(browser);
} catch (error) {
  console.error(error);
  process.exit(1);
}
await browser.close();
server.close();
