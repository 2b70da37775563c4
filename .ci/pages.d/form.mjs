// Filling in the screening form, step by step or on one page, and the submission that it made.
import { api, FORM, must, open, text } from './kit.mjs';

/** A person without trouble, whose total is settled. Alarm signs are answered by "No to all of these". */
export const FIT = {
  age: '45', sex: 'female', height_cm: '168', weight_kg: '64.5', carrying_difficulty: 'none', walking_difficulty: 'none',
  chair_rise_difficulty: 'none', stair_difficulty: 'none', falls_past_year: '0', muscle_shrinkage: 'false', weakness: 'false',
  balance_trouble: 'false', cold_intolerance: 'false', fatigue: 'rarely', finger_ring: 'bigger', activity: 'vigorous',
  strength_training_days: '3', can_walk_1000_m: 'true', three_meals_usually: 'true', poor_appetite: 'false', chewing_trouble: 'false',
  dairy_daily: 'true', protein_daily: 'true', smoker: 'false', sleep_hours: '7.5', weight_loss_past_year_kg: '0',
  weight_loss_6_months_kg: '0', hospital_stays_past_year: '0', bed_rest_days_past_year: '0', conditions: ['none_of_these'],
  muscle_injury_or_surgery: 'false', fracture_from_fall: 'false', medications: ['none_of_these'], regular_medication_count: '0',
  alarm_none: ['true'],
};
/** A person with much trouble, every question answered. */
export const FRAIL = {
  ...FIT, age: '82', weight_kg: '51,5', carrying_difficulty: 'some', walking_difficulty: 'some', chair_rise_difficulty: 'some',
  stair_difficulty: 'a_lot_or_unable', falls_past_year: '4', muscle_shrinkage: 'true', weakness: 'true', balance_trouble: 'true',
  fatigue: 'often', finger_ring: 'smaller', activity: 'inactive', strength_training_days: '0', can_walk_1000_m: 'false',
  conditions: ['osteoporosis', 'depression'], medications: ['systemic_corticosteroid_3_weeks'], regular_medication_count: '6',
};
/** The questions that need an answer. */
export const REQUIRED = ['age', 'stair_difficulty', 'falls_past_year', 'activity', 'medications'];
/** The alarm signs that raise each urgent level, the most urgent first. */
export const SIGNS = {
  emergency_ambulance: { new_one_sided_weakness: 'true', dark_urine: 'true', muscle_pain: 'true' },
  emergency: { dark_urine: 'true', muscle_pain: 'true' },
  consultation_24h: { dark_urine: 'true' },
};
export const SECTION = '[data-step]:not([hidden])';
const MOVED = 'h1[data-title]:focus, [data-faults]:focus, [data-unsent]:focus';

export function only(answers, names) {
  return Object.fromEntries(names.map((name) => [name, answers[name]]));
}

/** Answers of fields as answers of the API. */
export function asBody(fields) {
  const value = (text) => (['true', 'false'].includes(text) ? text === 'true' : /^[0-9.,]+$/.test(text) ? Number(text.replace(',', '.')) : text);
  const all = Object.entries(fields).filter(([name]) => name !== 'alarm_none');
  return Object.fromEntries(all.map(([name, entry]) => [name, Array.isArray(entry) ? entry : value(entry)]));
}

/** Opens the form in a language. Without its module the form is one page. */
export function openForm(browser, language, { query = '', whole = false, ...more } = {}) {
  const before = async (page, context) => {
    if (whole) await context.route('**/assets/screening.*', (route) => route.abort());
    await more.before?.(page, context);
  };
  return open(browser, `${FORM}?lang=${language}${query}`, { language, ...more, before });
}

/** A form without its module is shown whole after 8 s; this shows it at once. */
export function showWhole(page) {
  return page.evaluate(() => document.getAnimations().forEach((one) => one.finish()));
}

/** Fills in the fields that are shown. */
export async function fill(page, answers) {
  const shown = await page.evaluate(() => {
    const fields = [...document.querySelectorAll('form[data-steps] input:not([type="hidden"])')];
    return Object.fromEntries(fields.filter((field) => field.checkVisibility()).map(({ name, type }) => [name, type]));
  });
  for (const [name, answer] of Object.entries(answers).filter(([name]) => name in shown)) {
    if (shown[name] === 'text') {
      await page.fill(`input[name="${name}"]`, answer);
      continue;
    }
    for (const value of [answer].flat()) await page.check(`input[name="${name}"][value="${value}"]`);
  }
}

export function step(page) {
  return page.locator(SECTION).getAttribute('data-step');
}

/** Presses Continue, or does something else that leads on; ends when the focus has moved. */
export async function go(page, act = () => page.click('[data-continue]')) {
  await page.evaluate(() => document.activeElement.blur());
  await act();
  await page.locator(MOVED).first().waitFor();
}

/** Goes on to a step, filling in each one before it. */
export async function walk(page, answers, until) {
  while ((await step(page)) !== until) {
    const before = await step(page);
    await fill(page, answers);
    await go(page);
    must(`a step after ${before}`, (await step(page)) !== before);
  }
}

/** Every step in turn, filled in; calls `each` with its name and its number from 0. Ends at the last one. */
export async function eachStep(page, answers, each) {
  const count = await page.locator('[data-step]').count();
  for (let place = 0; place < count; place += 1) {
    await fill(page, answers);
    await each(await step(page), place);
    if (place < count - 1) await go(page);
  }
}

/** What the form has, as it would be sent. */
export function values(page) {
  return page.evaluate(() => `${new URLSearchParams(new FormData(document.querySelector('form[data-steps]')))}`);
}

/** Sends a filled-in form and waits for its outcome. */
export async function send(page) {
  // While the review is being loaded the button does nothing.
  await page.locator('[data-review] dl').first().waitFor();
  await page.click('[data-send]');
  await page.locator('[data-sent]').waitFor();
}

/** The only submission with the receipt code that the page shows, as staff read it. */
export async function stored(page, language = 'en') {
  return submission(await page.locator('.code').innerText(), language);
}

export async function submission(code, language = 'en') {
  const found = await api('/v1/subjects/search', { body: { receipt_code: code.trim() } });
  must(`one subject with the code ${code}, not ${found.items.length}`, found.items.length === 1);
  const list = await api(`/v1/subjects/${found.items[0].id}/submissions`);
  must(`one submission of that subject, not ${list.items.length}`, list.items.length === 1);
  return api(`/v1/submissions/${list.items[0].id}`, { language });
}

/** The page says what the API says of the stored submission. */
export async function sameAsApi(page, language) {
  const made = await stored(page, language);
  const { assessment } = made;
  const heading = await text(page.locator('h1'));
  must(`the heading ${heading} is ${assessment.care_title}`, heading === assessment.care_title);
  const shown = await text(page.locator('[data-sent]'));
  for (const said of [assessment.consultation.text, assessment.label, ...assessment.red_flags.map(({ reason }) => reason)]) {
    must(`the outcome says: ${said}`, shown.includes(said.replace(/\s+/g, ' ').trim()));
  }
  for (const never of ['low risk', 'no sarcopenia', 'bajo riesgo', 'sin sarcopenia']) {
    must(`the outcome never says: ${never}`, !shown.toLowerCase().includes(never));
  }
  return made;
}

/** The number of persons with this name: one for each submission, because the form gives no reference. */
export async function persons(name) {
  return (await api('/v1/subjects/search', { body: { name } })).items.length;
}

/** Submits a form without a browser; returns the submission. */
export async function submitted(answers, contact = {}) {
  const blank = await (await fetch(`${FORM}?lang=en`)).text();
  const hidden = (name) => [name, blank.match(new RegExp(`name="${name}" value="([^"]*)"`))[1]];
  const fields = Object.entries({ ...answers, ...contact }).flatMap(([name, entry]) => [entry].flat().map((value) => [name, value]));
  const body = new URLSearchParams([hidden('key'), hidden('consent_version'), ...fields]);
  const response = await fetch(`${FORM}?lang=en`, { method: 'POST', body });
  const page = await response.text();
  must(`a form without a browser is sent: ${response.status}`, response.status === 200);
  return submission(page.match(/<code class="code">([^<]*)</)[1]);
}
