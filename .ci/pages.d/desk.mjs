// Pages of staff: signing in, cases, and the commands on them.
import { api, BASE, BROWSER_KEY, DESKTOP, must, open, STAFF_KEY } from './kit.mjs';

export const DONE = '.notice[role="status"]';
export const AGAIN = '[data-focus]';
const FRAIL = { age: 82, activity: 'inactive', falls_past_year: 4, stair_difficulty: 'a_lot_or_unable', medications: ['systemic_corticosteroid_3_weeks'] };

export async function signIn(page, key = STAFF_KEY) {
  await page.fill('#key', key);
  await page.click('form:has(#key) button');
}

/** A page of staff, signed in on the way. */
export async function openStaff(browser, { key = STAFF_KEY, language = 'en', address = '/staff', ...more } = {}) {
  const separator = address.includes('?') ? '&' : '?';
  const opened = await open(browser, `${BASE}${address}${separator}lang=${language}`, { language, viewport: DESKTOP, ...more });
  await signIn(opened.page, key);
  await opened.page.locator('.staff-nav').waitFor();
  // The module of the page has run after the load.
  await opened.page.waitForLoadState();
  const { pathname } = new URL(opened.page.url());
  must(`the sign-in leads back to ${address}, not ${pathname}`, pathname === address.split('?')[0]);
  return opened;
}

/** A new case by the API. */
export async function newCase(answers = {}) {
  const made = await api('/v1/submissions', { key: BROWSER_KEY, body: { answers: { ...FRAIL, ...answers } }, status: 201 });
  must('a follow-up is opened', made.follow_up);
  return made.follow_up.id;
}

export function caseAddress(id, language = 'en') {
  return `${BASE}/staff/cases/${id}?lang=${language}`;
}

/** Sends the form of a command; opens it if it is folded. */
export async function command(page, name, fields = {}, button = 'button') {
  const form = page.locator(`form#${name}`);
  if (!(await form.isVisible())) await page.click(`details:has(form#${name}) > summary`);
  for (const [field, value] of Object.entries(fields)) {
    const input = form.locator(`[name="${field}"]`);
    if ((await input.evaluate((one) => one.localName)) === 'select') await input.selectOption(value);
    else await input.fill(value);
  }
  await form.locator(button).first().click();
}

/** The same, and the page says that it is done. */
export async function done(page, name, fields, button) {
  await command(page, name, fields, button);
  await page.waitForURL((address) => address.searchParams.get('done') === name);
  await page.locator(DONE).waitFor();
}

/** A command by the API on the current version. */
export async function act(id, path, body, key) {
  const { version } = await api(`/v1/follow-ups/${id}`, { key });
  return api(`/v1/follow-ups/${id}/${path}`, { key, body, 'if-match': `"${version}"` });
}

export async function history(id) {
  return (await api(`/v1/follow-ups/${id}/history`)).items;
}

/** Ten o'clock in some days, as the field of a browser has it. */
export function inDays(days) {
  return `${new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)}T10:00`;
}
