// Two members of staff on one case, in random interleavings through the pages: every command that a page confirms is a version
// of its own, and every note that was typed is in the history once. Pairs work beside each other, each on cases of its own.
import { SECOND_KEY, STAFF_KEY, must, ok } from './kit.mjs';
import { AGAIN, DONE, caseAddress, history, newCase, openStaff } from './desk.mjs';

const PAIRS = 2;
const INTERLEAVINGS_OF_A_PAIR = 100;
const INTERLEAVINGS = PAIRS * INTERLEAVINGS_OF_A_PAIR;
/** A case with a long history is slow to show. */
const A_CASE = 10;
const COMMANDS = ['note', 'note', 'claim', 'contact', 'release', 'close', 'reopen'];
const CLOSING = { outcome: 'not_needed', not_needed_reason: 'other' };
/** How often a note is tried until it is in the history. */
const TRIES = 8;

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Fills in and sends a form. The events are those that a click makes, without the driver's look for the button on the screen: the
 * other scenarios of staff use that, and here it costs more than the page.
 */
function submit(page, name, fields) {
  return page.evaluate(([name, fields]) => {
    const form = document.querySelector(`form#${name}`);
    for (const [field, value] of Object.entries(fields)) {
      form.elements[field].value = value;
      form.elements[field].dispatchEvent(new Event('input', { bubbles: true }));
    }
    form.querySelector('button').click();
  }, [name, fields]);
}

/** How many elements the page has. */
function count(page, selector) {
  return page.evaluate((selector) => document.querySelectorAll(selector).length, selector);
}

/** Sends a command, or the form that is shown again; whether the page confirms it. */
async function sent(page, name, fields) {
  const answer = page.waitForResponse((response) => response.request().isNavigationRequest() && response.request().method() === 'POST');
  const loaded = page.waitForEvent('load');
  await submit(page, name, fields);
  const status = (await answer).status();
  await loaded;
  must(`a command is done, has changed or is refused, not ${status}`, [303, 409, 412].includes(status));
  must('the page says so', (await count(page, status === 303 ? DONE : AGAIN)) === 1);
  return status === 303;
}

/** One turn of a member of staff, in steps that a turn of the other may come between. */
async function* turn(staff, address, note, random) {
  const { page } = staff;
  // Otherwise the page is as old as the last turn left it.
  if (random() < 0.5 || (await count(page, AGAIN))) await page.goto(address);
  yield;
  const offered = await page.evaluate(() => [...document.querySelectorAll('form[data-draft]')].map(({ id }) => id));
  const fit = COMMANDS.filter((name) => offered.includes(name));
  const name = fit[Math.floor(random() * fit.length)];
  let fields = { note, ...(name === 'close' && CLOSING) };
  yield;
  let isDone = await sent(page, name, fields);
  staff.conflicts += isDone ? 0 : 1;
  yield;
  // The page has kept the note, so the command is sent as it is.
  if (!isDone) {
    must(`the page keeps the note ${note}`, (await page.evaluate((name) => document.getElementById(`${name}-note`).value, name)) === note);
    isDone = await sent(page, name, {});
    yield;
  }
  // A case that refuses the command still takes the note.
  for (let tries = 0; !isDone && tries < TRIES; tries += 1) {
    await page.goto(address);
    isDone = await sent(page, 'note', { note });
    yield;
  }
  must(`the note ${note} is stored at last`, isDone);
  staff.done += 1;
}

/** Advances both turns in a random order, sometimes at once. */
async function interleave(turns, random) {
  const open = new Set(turns);
  const advance = async (one) => {
    if ((await one.next()).done) open.delete(one);
  };
  while (open.size > 0) {
    const all = [...open];
    if (all.length === 2 && random() < 0.25) await Promise.all(all.map(advance));
    else await advance(all[Math.floor(random() * all.length)]);
  }
}

async function interleavings(browser) {
  const seed = Number(process.env.PAGES_SEED ?? Date.now() % 1_000_000);
  const pairs = Array.from({ length: PAIRS }, (_, place) => pair(browser, place * INTERLEAVINGS_OF_A_PAIR, dice(seed + place)));
  const conflicts = (await Promise.all(pairs).catch((cause) => {
    throw new Error(`PAGES_SEED=${seed}: ${cause.message}`, { cause });
  })).reduce((all, one) => all + one);
  must('there were conflicts', conflicts > INTERLEAVINGS / 20);
  ok(`${INTERLEAVINGS} interleavings of two members of staff, ${conflicts} conflicts: no update lost, every note kept (seed ${seed})`);
}

/** The interleavings of two members of staff from the number `begin`; returns their conflicts. */
async function pair(browser, begin, random) {
  const staff = [];
  for (const key of [STAFF_KEY, SECOND_KEY]) staff.push({ ...(await openStaff(browser, { key, address: '/staff/search' })), done: 0, conflicts: 0 });
  for (let first = begin; first < begin + INTERLEAVINGS_OF_A_PAIR; first += A_CASE) await onOneCase(staff, first, random);
  for (const { close } of staff) await close('409', '412');
  return staff[0].conflicts + staff[1].conflicts;
}

async function onOneCase(staff, first, random) {
  const id = await newCase();
  const address = caseAddress(id);
  for (const one of staff) {
    one.done = 0;
    await one.page.goto(address);
  }
  const notes = [];
  for (let number = first; number < first + A_CASE; number += 1) {
    const turns = staff.map((one, place) => {
      notes.push(`Note ${number} of ${place}`);
      return turn(one, address, notes.at(-1), random);
    });
    await interleave(turns, random);
  }
  const events = await history(id);
  const versions = events.map(({ version }) => version);
  must(`versions without a gap: ${versions}`, versions.every((version, place) => version === place + 1));
  const confirmed = staff[0].done + staff[1].done;
  must(`a version for each of ${confirmed} confirmed commands, not ${events.length - 1}`, events.length - 1 === confirmed);
  const stored = events.map(({ note }) => note).filter(Boolean).sort();
  must(`every note once: ${stored}`, stored.join() === notes.sort().join());
}

export const scenarios = [interleavings];
