// Fills in the form of the FHIR facade in renderers that others wrote, in headless Chromium, by mouse and keyboard: LHC-Forms and
// the form of Medplum. Each response is sent as its renderer made it. What is stored must be what was filled in. For .ci/fhir.
//   BASE=http://.. INTAKE_KEY=sk_.. STAFF_KEY=sk_.. node fhir_forms.mjs MODULES LHC_FORMS
//   MODULES holds node_modules, LHC_FORMS the built files of LHC-Forms. FHIR_SCREENSHOTS names a folder for a picture of each form.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

const [modules, lhcForms] = process.argv.slice(2).map((path) => resolve(path));
const { BASE, INTAKE_KEY, STAFF_KEY, FHIR_SCREENSHOTS: SCREENSHOTS } = process.env;
const require = createRequire(join(modules, 'package.json'));
const { chromium } = require('playwright-core');
const esbuild = require('esbuild');
/** Chromium's requests to this host are answered here. It counts as a secure context. */
const HOST = 'http://localhost';
const EXCLUSIVE = 'http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive';

/** Answers by item, as in /v1, in the order in which they are filled in. SARC-F is 8. */
const ANSWERS = {
  age: 82,
  sex: 'female',
  height_cm: 161.5,
  weight_kg: 58.4,
  carrying_difficulty: 'some',
  walking_difficulty: 'some',
  chair_rise_difficulty: 'a_lot_or_unable',
  stair_difficulty: 'a_lot_or_unable',
  falls_past_year: 4,
  // The form asks this only after falls.
  long_lie_after_fall: false,
  weakness: true,
  poor_appetite: true,
  activity: 'inactive',
  strength_training_days: 0,
  sleep_hours: 6.5,
  conditions: ['osteoarthritis', 'depression'],
  medications: ['loop_diuretic', 'statin'],
  calf_circumference_cm: 29.8,
  grip_strength_kg: 14.5,
  gait_speed_m_s: 0.72,
};

function must(what, value) {
  if (!value) throw new Error(`failed: ${what}`);
}

/** A request to the service, which must succeed. */
async function service(path, { key, body } = {}) {
  const type = path.startsWith('/fhir') ? 'application/fhir+json' : 'application/json';
  const headers = { 'accept-language': 'en', accept: type, ...(key && { authorization: `Bearer ${key}` }) };
  const json = body && { method: 'POST', body: JSON.stringify(body), headers: { ...headers, 'content-type': type } };
  const response = await fetch(BASE + path, { headers, ...json, signal: AbortSignal.timeout(60_000) });
  const text = await response.text();
  must(`${path}: ${response.status} ${text}`, response.ok);
  return JSON.parse(text);
}

function* questions(items) {
  for (const item of items) {
    if (!['group', 'display'].includes(item.type)) yield item;
    yield* questions(item.item ?? []);
  }
}

/** The answer to an item in a response; undefined without one. */
function answered(response, link) {
  const item = [...questions(response.item)].find((item) => item.linkId === link && item.answer?.length);
  return item?.answer[0];
}

/** A page with the files of a renderer. No file comes from another host. */
async function open(browser, { html, file }) {
  const context = await browser.newContext({ locale: 'en', viewport: { width: 1000, height: 1200 } });
  context.setDefaultTimeout(60_000);
  const faults = [];
  context.on('weberror', (error) => faults.push(error.error().stack ?? `${error.error()}`));
  await context.route('**/*', async (route) => {
    const { origin, pathname } = new URL(route.request().url());
    const path = file(pathname.slice(1));
    if (origin === HOST && pathname === '/') await route.fulfill({ contentType: 'text/html; charset=utf-8', body: html });
    else if (origin === HOST && existsSync(path)) await route.fulfill({ path });
    else if (pathname === '/favicon.ico') await route.fulfill({ status: 404 });
    else {
      faults.push(`a request to ${route.request().url()}`);
      await route.abort();
    }
  });
  const page = await context.newPage();
  await page.goto(`${HOST}/`);
  const close = async () => {
    // Chromium reports so that a size changes once more while it is observed.
    const wrong = faults.filter((fault) => !fault.includes('ResizeObserver loop'));
    must(`no error and no other request, not ${JSON.stringify(wrong)}`, wrong.length === 0);
    await context.close();
  };
  return { page, close };
}

/** By turns by mouse and by keyboard. */
function alternately() {
  let count = 0;
  return async (locator, input = locator) => {
    count += 1;
    await (count % 2 ? locator.click() : input.press('Space'));
  };
}

async function typed(page, input, value) {
  await input.click();
  await page.keyboard.type(String(value));
  await page.keyboard.press('Tab');
}

const LHC = {
  name: 'LHC-Forms',
  version: (page) => page.evaluate(() => globalThis.LForms.lformsVersion),
  async prepare() {
    const scripts = ['assets/lib/zone.min.js', 'runtime.js', 'polyfills.js', 'main.js'].map((name) => `webcomponent/${name}`);
    const tags = [...scripts, 'fhir/R4/lformsFHIR.min.js'].map((path) => `<script src="${path}"></script>`);
    const head = '<!doctype html><html lang="en"><meta charset="utf-8"><link rel="stylesheet" href="webcomponent/styles.css">';
    return { html: `${head}<div id="form"></div>${tags.join('')}`, file: (path) => join(lhcForms, path) };
  },
  show: (page, form) =>
    page.evaluate(async (form) => {
      await customElements.whenDefined('wc-lhc-form');
      await globalThis.LForms.Util.addFormToPage(form, 'form', { fhirVersion: 'R4' });
    }, form),
  async fill(page, item, value, press) {
    // The id of an element begins with the linkId and its place; that of an option ends with the code.
    if (['integer', 'decimal'].includes(item.type)) {
      await typed(page, page.locator(`input[id^="${item.linkId}/"]`), value);
      return;
    }
    for (const one of [value].flat()) {
      const end = item.type === 'boolean' ? one : `${item.linkId}.${one}`;
      const label = page.locator(`label[id^="${item.linkId}/"][id$="|${end}"]`);
      await press(label, label.locator('input'));
    }
  },
  async response(page, form) {
    await page.waitForFunction(() => document.querySelector('input[id^="sarc_f_total/"]')?.value);
    const asked = [...questions(form.item)].filter(
      ({ enableWhen }) => !enableWhen || enableWhen.some(({ question }) => ANSWERS[question] > 0),
    );
    const shown = await page.locator('lhc-item-question').count();
    must(`${asked.length} questions are shown, not ${shown}`, shown === asked.length);
    must('weights have their unit', (await page.locator('input[id^="unit_weight_kg/"]').inputValue()) === 'kg');
    const [faults, response] = await page.evaluate(() => {
      const { Util } = globalThis.LForms;
      return [Util.checkValidity(), Util.getFormFHIRData('QuestionnaireResponse', 'R4')];
    });
    must(`the form is valid, not ${JSON.stringify(faults)}`, faults === null);
    must('the form computes the total', answered(response, 'sarc_f_total')?.valueInteger !== undefined);
    return response;
  },
};

const MEDPLUM = {
  name: 'the form of Medplum',
  version: () => JSON.parse(readFileSync(join(modules, 'node_modules/@medplum/react/package.json'), 'utf8')).version,
  async prepare() {
    const folder = join(modules, 'medplum');
    const contents = `
      import '@mantine/core/styles.css';
      import '@medplum/react/styles.css';
      import { MantineProvider } from '@mantine/core';
      import { MedplumClient } from '@medplum/core';
      import { MedplumProvider, QuestionnaireForm } from '@medplum/react';
      import { createElement } from 'react';
      import { createRoot } from 'react-dom/client';
      globalThis.show = (questionnaire) => {
        const onSubmit = (response) => (globalThis.response = response);
        const form = createElement(QuestionnaireForm, { questionnaire, onSubmit });
        const medplum = new MedplumClient({ baseUrl: location.href });
        const provider = createElement(MedplumProvider, { medplum }, form);
        createRoot(document.getElementById('form')).render(createElement(MantineProvider, null, provider));
      };`;
    await esbuild.build({
      stdin: { contents, resolveDir: modules },
      bundle: true,
      format: 'iife',
      outfile: join(folder, 'form.js'),
      define: { 'process.env.NODE_ENV': '"production"' },
      logLevel: 'error',
    });
    const head = '<!doctype html><html lang="en"><meta charset="utf-8"><link rel="stylesheet" href="form.css">';
    const html = `${head}<div id="form"></div><script src="form.js"></script>`;
    return { html, file: (path) => join(folder, path) };
  },
  async show(page, form) {
    await page.evaluate((form) => globalThis.show(form), form);
    await page.locator('form').waitFor();
  },
  async fill(page, item, value, press) {
    const input = page.locator(`input[id="${item.linkId}"]`);
    const option = (code) => {
      const place = item.answerOption.findIndex(({ valueCoding }) => valueCoding.code === code);
      return page.locator(`input[id="${item.linkId}-option-${place}"]`);
    };
    if (['integer', 'decimal'].includes(item.type)) {
      await typed(page, input, value);
      return;
    }
    if (item.type === 'boolean') {
      await press(input);
      // A box that was never ticked is no answer.
      if (!value) await press(input);
      return;
    }
    if (item.repeats) {
      // Every other option replaces this one.
      const alone = item.answerOption.find(({ extension }) => extension?.some(({ url }) => url === EXCLUSIVE));
      await press(option(alone.valueCoding.code));
    }
    for (const one of [value].flat()) await press(option(`${item.linkId}.${one}`));
  },
  async response(page) {
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.waitForFunction(() => globalThis.response);
    return page.evaluate(() => globalThis.response);
  },
};

/** The total of SARC-F in an assessment. */
const total = ({ instruments }) => instruments.find(({ id }) => id === 'sarc_f').total;

/** Sends a response with the subject that the record system knows; returns the total of SARC-F. */
async function stored(name, response) {
  const body = { ...response, subject: { identifier: { system: 'urn:check:forms', value: name } } };
  const { id } = await service('/fhir/QuestionnaireResponse', { key: INTAKE_KEY, body });
  const { answers } = await service(`/v1/submissions/${id}`, { key: STAFF_KEY });
  const kept = Object.fromEntries(Object.entries(answers).filter(([, value]) => value !== null));
  must(`the answers are stored as filled in, not ${JSON.stringify(kept)}`, isDeepStrictEqual(kept, ANSWERS));
  const observed = await service(`/fhir/Observation/${id}-sarc-f`, { key: INTAKE_KEY });
  const scored = await service('/v1/scores?view=full', { key: INTAKE_KEY, body: { answers: ANSWERS } });
  const score = total(scored);
  must(`SARC-F ${score}, not ${observed.valueInteger}`, Number.isInteger(score) && observed.valueInteger === score);
  return score;
}

async function use(browser, renderer, form) {
  const { page, close } = await open(browser, await renderer.prepare());
  await renderer.show(page, form);
  const press = alternately();
  const items = new Map([...questions(form.item)].map((item) => [item.linkId, item]));
  for (const [link, value] of Object.entries(ANSWERS)) await renderer.fill(page, items.get(link), value, press);
  const [response, version] = [await renderer.response(page, form), await renderer.version(page)];
  if (SCREENSHOTS) {
    const path = join(SCREENSHOTS, `${renderer.name.toLowerCase().replace(/[^a-z]+/g, '-')}.png`);
    await page.screenshot({ path, fullPage: true });
  }
  await close();
  const score = await stored(renderer.name, response);
  const own = answered(response, 'sarc_f_total')?.valueInteger;
  must(`the form computes SARC-F ${score}, not ${own}`, own === undefined || own === score);
  const counts = `${items.size} questions, ${Object.keys(ANSWERS).length} answers stored as filled in`;
  const inForm = own === undefined ? 'the form does not compute it' : `${own} in the form`;
  console.log(`ok: ${renderer.name} ${version}: ${counts}; SARC-F ${score} in both APIs, ${inForm}`);
}

if (SCREENSHOTS) mkdirSync(SCREENSHOTS, { recursive: true });
const [{ resource: found }] = (await service('/fhir/Questionnaire')).entry;
const form = await service(`/fhir/Questionnaire/${found.id}`);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium-headless-shell', args: ['--no-sandbox'] });
try {
  await use(browser, LHC, form);
  await use(browser, MEDPLUM, form);
} catch (error) {
  console.error(error);
  process.exit(1);
}
await browser.close();
