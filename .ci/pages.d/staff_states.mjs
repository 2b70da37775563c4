// The other states of the pages of staff, the keys, and the line that says that the list has changed.
import { BASE, SECOND_KEY, Keyboard, focused, look, must, ok, refuseStorage, text } from './kit.mjs';
import { FRAIL, REQUIRED, only, submitted } from './form.mjs';
import { act, AGAIN, caseAddress, command, done, history, newCase, openStaff } from './desk.mjs';

const EMERGENCY = { dark_urine: true, muscle_pain: true };

async function lists(browser) {
  const { page, close } = await openStaff(browser, {});
  await page.locator('[data-case]').first().waitFor();
  await look(page, 'staff en worklist');
  await page.selectOption('#filter-state', 'booked');
  await page.selectOption('#filter-assignee', 'none');
  await page.click('.staff-filters button');
  await page.waitForURL((address) => address.searchParams.get('state') === 'booked');
  must('the filter is in the address and in the form', (await page.inputValue('#filter-assignee')) === 'none');
  must('no case is booked without assignee', (await page.locator('[data-case]').count()) === 0);
  await look(page, 'staff en worklist, empty');
  await page.goto(`${BASE}/staff?lang=es&order=due`);
  await look(page, 'staff es worklist', { once: true });
  await page.click('a[rel="next"]');
  await page.waitForURL((address) => address.searchParams.has('cursor'));
  must('the next page has cases', (await page.locator('[data-case]').count()) > 0);
  await together(page);
  await close('422');
  ok('the worklist: filtered, empty, in Spanish, its next page, cases closed together');
}

async function together(page) {
  const ids = [await newCase(EMERGENCY), await newCase(EMERGENCY)];
  await page.goto(`${BASE}/staff?lang=en&origin=self_reported&urgency=today&state=open`);
  await look(page, 'staff en worklist of self-reported cases');
  for (const id of ids) await page.check(`#select-${id}`);
  await page.click('form#together button');
  await page.locator('.staff-faults').waitFor();
  await look(page, 'staff en closing together, with a fault');
  await page.selectOption('#together-not_needed_reason', 'entered_in_error');
  await page.click('form#together button');
  await page.locator('[data-forget]').waitFor();
  must('both are closed', (await text(page.locator('[data-forget]'))).includes('2'));
  for (const id of ids) must('closed', (await history(id)).at(-1).command === 'close');
  await look(page, 'staff en closed together');
}

async function cases(browser) {
  const { page, close } = await openStaff(browser, { address: '/staff/search' });
  const refused = await submitted({ ...only(FRAIL, REQUIRED), to_contact: 'no' });
  await page.goto(caseAddress(refused.follow_up.id));
  must('no number to call', (await page.locator('a[href^="tel:"]').count()) === 0);
  must('the code that the person may read out', (await text(page.locator('#contact-data ~ .small'))).replace(/\s/g, '').includes(refused.receipt_code));
  await look(page, 'staff en case without consent');
  await page.goto(caseAddress(await newCase(EMERGENCY)));
  await page.locator('[data-level="emergency"]').waitFor();
  await look(page, 'staff en case, emergency');
  const other = await newCase();
  await act(other, 'claim', {}, SECOND_KEY);
  await page.goto(caseAddress(other));
  must('only handing over is offered', (await page.locator('form#reassign').count()) === 1 && (await page.locator('form#claim, form#close').count()) === 0);
  await look(page, 'staff en case of another member');
  await page.goto(caseAddress(other, 'es'));
  await look(page, 'staff es case of another member', { once: true });
  await page.goto(`${BASE}/staff/cases/00000000-0000-7000-8000-000000000000?lang=en`);
  await look(page, 'staff en no such case');
  await page.goto(`${BASE}/staff/no-such-page?lang=en`);
  await look(page, 'staff en no such page');
  await close('404');
  ok('cases without consent, in an emergency, of another member, and none');
}

/** Faults and refusals keep what was typed. */
async function refusals(browser) {
  const id = await newCase();
  const { page, close } = await openStaff(browser, { address: `/staff/cases/${id}` });
  await done(page, 'claim');
  await command(page, 'book', { note: 'Without a time' });
  await page.locator(AGAIN).waitFor();
  must('the fault has the focus', (await focused(page)) === 'div.focus');
  must('the field names its fault', (await page.getAttribute('#book-appointment_at', 'aria-describedby')) === 'book-appointment_at-fault');
  must('the note is kept', (await page.inputValue('#book-note')) === 'Without a time');
  await look(page, 'staff en command with a fault');
  await page.goto(caseAddress(id, 'es'));
  await command(page, 'close', { outcome: 'declined', grip_strength_kg: 'mucha' });
  await page.locator(AGAIN).waitFor();
  await look(page, 'staff es command with a fault', { once: true });
  const stale = await newCase();
  await page.goto(caseAddress(stale));
  await act(stale, 'claim', {}, SECOND_KEY);
  await command(page, 'claim', { note: 'I take it' });
  await page.locator(AGAIN).waitFor();
  await command(page, 'claim');
  await page.locator(AGAIN, { hasText: 'does not allow' }).waitFor();
  must('the refusal keeps the note', (await page.inputValue('#claim-note')) === 'I take it');
  await look(page, 'staff en command that the case refuses');
  must('nothing was changed', (await history(stale)).length === 2);
  await close('422', '412', '409');
  ok('faults, conflicts and refusals keep what was typed');
}

async function searches(browser) {
  const { page, close } = await openStaff(browser, { address: '/staff/search' });
  const search = async (by, typed) => {
    await page.selectOption('#by', by);
    await page.fill('#text', typed);
    await page.click('form:has(#text) button');
  };
  await search('receipt_code', '2222 2223');
  await page.locator('#text-fault').waitFor();
  must('what was typed is kept', (await page.inputValue('#text')) === '2222 2223' && (await page.title()).startsWith('Error'));
  await look(page, 'staff en search with a fault');
  await search('name', 'Nadie Conestenombre');
  await page.locator('.lead[role="status"]').waitFor();
  await look(page, 'staff en search, nothing found');
  await search('reference', 'DEMO-0001');
  await page.locator('[data-case]', { hasText: 'DEMO-0001' }).waitFor();
  await page.goto(`${BASE}/staff/statistics?lang=es`);
  await look(page, 'staff es statistics', { once: true });
  await page.goto(`${BASE}/staff/statistics?lang=en&from=2026-02-01&to=2026-01-01`);
  await look(page, 'staff en statistics with a fault');
  await close('422', '400');
  ok('the search: a fault, nothing, and a person by the reference');
}

/** The whole work on a case with the keyboard. */
async function keys(browser) {
  const { page, close } = await openStaff(browser, {});
  const keyboard = new Keyboard(page);
  await keyboard.press('j');
  const first = await page.evaluate(() => document.activeElement.href);
  await keyboard.press('j');
  await keyboard.press('k');
  must('j and k move through the list', (await page.evaluate(() => document.activeElement.href)) === first);
  await keyboard.leave('Enter');
  await page.waitForURL(first);
  await keyboard.to('main a[href^="/staff?"]:not(.staff-nav a)');
  await keyboard.leave('Enter');
  await page.waitForURL((address) => address.pathname === '/staff');
  await keyboard.press('n');
  await keyboard.leave('Enter');
  await page.waitForURL((address) => address.searchParams.get('done') === 'next');
  const id = new URL(page.url()).pathname.split('/').at(-1);
  await work(keyboard);
  await keyboard.press('?');
  must('the keys are shown', await page.locator('[data-keys]').evaluate((one) => one.open));
  await look(page, 'staff en case closed by keys, with the keys', { once: true });
  await keyboard.press('Tab');
  await keyboard.press('Space');
  await page.locator('[data-case], main').first().focus();
  await page.keyboard.press('n');
  must('the keys can be switched off', (await focused(page)).startsWith('main'));
  await page.reload();
  await keyboard.press('Tab');
  await keyboard.to('.staff-nav form button');
  await keyboard.leave('Enter');
  await page.locator('#message[role="status"]').waitFor();
  const commands = (await history(id)).map(({ command }) => command).slice(-4);
  must(`the commands: ${commands}`, commands.join() === 'claim,contact,note,close');
  await close();
  ok(`a case taken, called, noted and closed with ${keyboard.presses} presses, the focus never lost`);
}

async function work(keyboard) {
  const { page } = keyboard;
  const finished = (name) => page.waitForURL((address) => address.searchParams.get('done') === name);
  await keyboard.press('c');
  must(`c leads to the first command, not ${await focused(page)}`, (await focused(page)) === 'textarea#contact-note');
  await keyboard.type('By telephone');
  await keyboard.to('form#contact button[value="true"]');
  await keyboard.leave('Enter');
  await finished('contact');
  await keyboard.press('n');
  must(`n leads to the note, not ${await focused(page)}`, (await focused(page)) === 'textarea#note-note');
  await keyboard.type('jkncr?');
  await keyboard.to('form#note button');
  await keyboard.leave('Enter');
  await finished('note');
  must('keys are no shortcuts in a field', (await page.locator('.staff-note', { hasText: 'jkncr?' }).count()) === 1);
  await keyboard.press('c');
  await keyboard.to('#close-outcome');
  for (let tries = 0; tries < 5 && (await page.inputValue('#close-outcome')) !== 'declined'; tries += 1) await keyboard.press('ArrowDown');
  must('the outcome is chosen', (await page.inputValue('#close-outcome')) === 'declined');
  await keyboard.to('form#close button');
  await keyboard.leave('Enter');
  await finished('close');
}

/** The list stays as it is, and a line says that it has changed. The clock of the page is the test's. */
async function news(browser) {
  const { page, context, close } = await openStaff(browser, { before: (page) => page.clock.install() });
  const list = await page.locator('[data-case]').evaluateAll((all) => all.map(({ href }) => href));
  const id = await newCase();
  await page.clock.fastForward(31_000);
  await page.locator('#news:not(:empty)').waitFor();
  must('the list is as before', (await page.locator('[data-case]').evaluateAll((all) => all.map(({ href }) => href))).join() === list.join());
  await look(page, 'staff en worklist with news');
  await page.click('[data-key="r"]');
  await page.locator('#news:empty').waitFor({ state: 'attached' });
  await page.goto(caseAddress(id));
  await page.goto(`${BASE}/staff?lang=en`);
  await context.clearCookies();
  await page.clock.fastForward(31_000);
  await page.locator('#news:not(:empty)').waitFor();
  must('the line says that the session has ended', (await page.locator('#news').innerText()) === (await page.getAttribute('[data-news]', 'data-signed-out')));
  await close('401');
  ok('a line says that the list has changed, or that the session has ended');
}

/** A browser that refuses its storage keeps no draft; keys and commands work. */
async function withoutStorage(browser) {
  const id = await newCase();
  const { page, close } = await openStaff(browser, { address: `/staff/cases/${id}`, before: refuseStorage });
  await page.keyboard.press('c');
  must(`c leads to the first command, not ${await focused(page)}`, (await focused(page)) === 'textarea#claim-note');
  await done(page, 'claim', { note: 'Without storage' });
  must('the note is stored', (await history(id)).at(-1).note === 'Without storage');
  await close();
  ok('a browser that refuses its storage works on a case, too');
}

export const scenarios = [lists, cases, refusals, searches, keys, news, withoutStorage];
