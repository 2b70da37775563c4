// A day of staff: sign-in, a person by the receipt code, every command of a case, a conflict, statistics, exports, sign-out.
import { BASE, SECOND_KEY, focused, look, must, ok, open, text } from './kit.mjs';
import { FRAIL, REQUIRED, only, submitted } from './form.mjs';
import { act, AGAIN, caseAddress, done, DONE, history, inDays, newCase, openStaff, signIn, command } from './desk.mjs';

const NAME = 'Visitación Diurna';

async function signingIn(browser) {
  const { page, context, close } = await open(browser, `${BASE}/staff?lang=en`);
  must('a page without a session leads to the sign-in', new URL(page.url()).pathname === '/staff/sign-in');
  await look(page, 'staff en sign-in');
  await signIn(page, 'sk_not_a_key');
  await page.locator('#message[role="alert"]').waitFor();
  must('the field is marked', (await page.getAttribute('#key', 'aria-invalid')) === 'true' && (await page.inputValue('#key')) === '');
  await look(page, 'staff en sign-in refused');
  await signIn(page);
  await page.locator('.staff-nav').waitFor();
  must('the sign-in leads to the page', new URL(page.url()).pathname === '/staff');
  const session = (await context.cookies()).find(({ name }) => name.endsWith('sarcoscreen-session'));
  must('no script reads the session, and no other site sends it', session.httpOnly && session.sameSite === 'Strict' && session.expires === -1);
  await page.goto(`${BASE}/staff/sign-in?lang=es`);
  await look(page, 'staff es sign-in, signed in already', { once: true });
  await close('401');
  ok('sign-in: refused, then signed in and led to the page');
}

/** A person reads out the code; the nurse finds the case and works on it until it is closed. */
async function day(browser) {
  const contact = { to_contact: 'yes', name: NAME, telephone: '+34 600 111 222' };
  const made = await submitted(only(FRAIL, REQUIRED), contact);
  const { page, context, close } = await openStaff(browser, { address: '/staff/search' });
  await look(page, 'staff en search');
  await page.selectOption('#by', 'receipt_code');
  await page.fill('#text', `${made.receipt_code.slice(0, 4)} ${made.receipt_code.slice(4)}`);
  await page.click('form:has(#text) button');
  await page.locator('[data-case]', { hasText: NAME }).waitFor();
  await look(page, 'staff en search, found');
  await page.click('[data-case]');
  await page.locator(`[data-case][href*="${made.follow_up.id}"]`).waitFor();
  await look(page, 'staff en cases of one person');
  await page.click('[data-case]');
  await page.locator('form#claim').waitFor();
  must('the number to call', (await page.locator('a[href="tel:+34600111222"]').count()) === 1);
  await look(page, 'staff en case, open');
  await done(page, 'claim', { note: 'Mine' });
  await look(page, 'staff en case, taken');
  await done(page, 'contact', { note: 'Answers in the morning' }, 'button[value="true"]');
  await look(page, 'staff en case, contacted');
  await done(page, 'book', { appointment_at: inDays(3) });
  must('the appointment is at the time of the clinic', (await text(page.locator('#state + dl'))).includes('10:00'));
  await look(page, 'staff en case, booked');
  await draft(page, made.follow_up.id);
  await conflict(page, made.follow_up.id);
  await done(page, 'close', { outcome: 'declined', note: 'Sees another doctor' });
  await look(page, 'staff en case, closed');
  const commands = (await history(made.follow_up.id)).map(({ command }) => command);
  const wanted = ['open', 'claim', 'contact', 'book', 'note', 'note', 'note', 'close'];
  must(`the history: ${commands}`, commands.join() === wanted.join());
  await reports(page);
  await signingOut(page, context);
  await close('412');
  ok(`a day of staff: ${commands.length} versions of one case`);
}

/** The draft of a note survives a reload and a sign-out, and ends with its command. */
async function draft(page, id) {
  const note = 'Comes with a daughter\nand a walking aid';
  const kept = async (what) => must(`the draft survives ${what}`, (await page.inputValue('#note-note')) === note);
  await page.fill('#note-note', note);
  await page.reload();
  await kept('a reload');
  await page.click('.staff-nav form button');
  await page.locator('#message[role="status"]').waitFor();
  await look(page, 'staff en signed out');
  await signIn(page);
  await page.locator('.staff-nav').waitFor();
  await page.goto(caseAddress(id));
  await kept('a sign-out');
  await done(page, 'note');
  must('the note is in the history', (await page.locator('.staff-note', { hasText: 'walking aid' }).count()) === 1);
  must('the draft has ended', (await page.inputValue('#note-note')) === '');
  // The address of the page still names the command.
  await page.fill('#note-note', note);
  await page.reload();
  await kept('a reload of the page after a command');
  await page.fill('#note-note', '');
}

/** A colleague was faster: who, when, and the note is kept. */
async function conflict(page, id) {
  await act(id, 'notes', { note: 'By the colleague' }, SECOND_KEY);
  await command(page, 'note', { note: 'Mine, too' });
  await page.locator(AGAIN).waitFor();
  must(`what happened has the focus, not ${await focused(page)}`, (await focused(page)) === 'div.focus');
  must('who was faster', (await text(page.locator(AGAIN))).includes('Nurse Two'));
  must('the note is kept', (await page.inputValue('#note-note')) === 'Mine, too');
  await look(page, 'staff en conflict');
  await done(page, 'note');
  const notes = (await history(id)).map(({ note }) => note);
  must(`both notes: ${notes}`, notes.includes('By the colleague') && notes.filter((note) => note === 'Mine, too').length === 1);
}

async function reports(page) {
  await page.click('.staff-nav a[href*="/staff/statistics"]');
  await page.locator('svg.staff-days').waitFor();
  await page.click('details:has(table) > summary');
  await look(page, 'staff en statistics');
  await page.click('.staff-nav a[href*="/staff/exports"]');
  await look(page, 'staff en exports');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('form[action="/staff/exports/follow-ups"] button')]);
  must(`a file: ${download.suggestedFilename()}`, download.suggestedFilename().endsWith('.csv'));
}

/** After signing out no earlier page is shown. */
async function signingOut(page, context) {
  await page.click('.staff-nav form button');
  await page.locator('#message[role="status"]').waitFor();
  must('the session has ended', !(await context.cookies()).some(({ name }) => name.endsWith('sarcoscreen-session')));
  await page.goBack();
  await page.locator('#key').waitFor();
  must('an earlier page leads to the sign-in', (await page.locator('.staff-nav').count()) === 0);
}

/** A session that ended while a form was open: the sign-in leads back, with what was typed. */
async function ended(browser) {
  const id = await newCase();
  const { page, context, close } = await openStaff(browser, { address: `/staff/cases/${id}` });
  await context.clearCookies();
  await command(page, 'claim', { note: 'Typed before the session ended' });
  await page.locator('#key').waitFor();
  await signIn(page);
  await page.locator('form#claim').waitFor();
  must('the sign-in leads back to the case', page.url().includes(id));
  must('the note is still there', (await page.inputValue('#claim-note')) === 'Typed before the session ended');
  await done(page, 'claim');
  must('the note was stored once', (await history(id)).filter(({ note }) => note).length === 1);
  await close();
  ok('a form of a session that has ended is not lost');
}

/** Without script: a case is claimed and closed. */
async function withoutScript(browser) {
  const id = await newCase();
  const { page, close } = await openStaff(browser, { address: `/staff/cases/${id}`, javaScriptEnabled: false });
  await done(page, 'claim');
  await done(page, 'close', { outcome: 'not_needed', not_needed_reason: 'already_in_care', note: 'Without script' });
  await page.click('form[action^="/staff/next"] button');
  await page.locator(DONE).waitFor();
  must('the next case', !page.url().includes(id) && page.url().includes('done=next'));
  await done(page, 'release');
  const events = await history(id);
  must('the history', events.map(({ command }) => command).join() === 'open,claim,close' && events.at(-1).note === 'Without script');
  await close();
  ok('without script a case is claimed and closed, and the next one is taken');
}

export const scenarios = [signingIn, day, ended, withoutScript];
