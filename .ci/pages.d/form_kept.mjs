// Nothing that a person typed is lost: reload, back and forward, another language and a discarded tab at every step; no connection,
// a busy service and a lost response at sending.
import { FORM, focused, look, must, ok, refuseStorage, text } from './kit.mjs';
import { FRAIL, eachStep, fill, go, only, openForm, persons, REQUIRED, send, step, stored, values, walk } from './form.mjs';

const MESSAGE = '[data-unsent]:focus';

/** Does something and checks that the step and everything in the form are the same afterwards. */
async function keeps(page, what, act) {
  const [before, place] = [await values(page), await step(page)];
  await act();
  must(`${what} keeps the step ${place}, not ${await step(page)}`, (await step(page)) === place);
  const after = await values(page);
  must(`${what} keeps the answers of ${place}: ${before} became ${after}`, before === after);
}

async function switchLanguage(page) {
  const link = page.locator('header a[data-language]');
  const code = await link.getAttribute('data-language');
  await link.click();
  await page.waitForURL((address) => address.searchParams.get('lang') === code);
  must('the language of the page', (await page.evaluate(() => document.documentElement.lang)) === code);
}

async function backAndForward(page) {
  const answers = await values(page);
  await page.goBack();
  must('back keeps the answers', (await values(page)) === answers);
  await page.goForward();
}

async function everyStep(browser) {
  const { page, close } = await openForm(browser, 'en');
  const name = 'Remedios Nadaperdido';
  const answers = { ...FRAIL, to_contact: 'yes', name, email: 'remedios@clinic.example' };
  let count = 0;
  await eachStep(page, answers, async (_, place) => {
    if (place > 0) await keeps(page, 'back and forward', () => backAndForward(page));
    await keeps(page, 'a reload', () => page.reload());
    await keeps(page, 'another language', () => switchLanguage(page));
    count += 1;
  });
  must('the answers are in the tab', (await page.evaluate(() => sessionStorage.length)) === 1);
  await send(page);
  must('after sending the tab has none', (await page.evaluate(() => sessionStorage.length)) === 0);
  const { answers: made } = await stored(page);
  must(`what was typed is stored: ${JSON.stringify(made)}`, made.age === 82 && made.weight_kg === 51.5);
  must(`one submission of ${name}`, (await persons(name)) === 1);
  await page.reload();
  must('a reload after sending shows an empty form', (await page.inputValue('#age')) === '');
  await close();
  ok(`${count} steps: back and forward, a reload and another language keep everything`);
}

/** A browser that discards a tab keeps its storage and loads the page again. */
async function discarded(browser) {
  const first = await openForm(browser, 'en');
  await walk(first.page, FRAIL, 'falls');
  const [kept, before] = [await first.page.evaluate(() => ({ ...sessionStorage })), await values(first.page)];
  const address = first.page.url();
  await first.close();
  const second = await openForm(browser, 'en', {
    before: (page) => page.addInitScript((kept) => Object.assign(sessionStorage, kept), kept),
  });
  await second.page.goto(address);
  must('a discarded tab comes back with its step', (await step(second.page)) === 'falls');
  must('and its answers', (await values(second.page)) === before);
  await second.close();
  ok('a discarded tab comes back as it was');

  const kiosk = await openForm(browser, 'en', { query: '&kiosk' });
  await walk(kiosk.page, FRAIL, 'alarm');
  must('a shared device keeps nothing', (await kiosk.page.evaluate(() => sessionStorage.length)) === 0);
  await kiosk.page.reload();
  must('a reload there shows an empty form', (await kiosk.page.inputValue('#age')) === '');
  await kiosk.close();
  ok('with ?kiosk the tab keeps nothing');
}

/** "Start again" empties the tab. */
async function again(browser) {
  const { page, close } = await openForm(browser, 'es');
  await walk(page, FRAIL, 'alarm');
  await Promise.all([page.waitForEvent('load'), page.click('[data-again]')]);
  must('the form is empty', (await page.inputValue('#age')) === '' && (await step(page)) === 'start');
  await close();
  ok('"Start again" empties the form');
}

/** Numbers as people type them. */
async function decimals(browser) {
  for (const typed of ['61.5', '61,5', ' 61,5 kg']) {
    const { page, close } = await openForm(browser, typed.includes('.') ? 'en' : 'es');
    await eachStep(page, { ...only(FRAIL, REQUIRED), weight_kg: typed }, async (name) => {
      if (name !== 'about') return;
      await page.focus('#weight_kg');
      await page.hover('#weight_kg');
      await page.mouse.wheel(0, 300);
      must(`what was typed is not changed: ${typed}`, (await page.inputValue('#weight_kg')) === typed);
    });
    await send(page);
    const { answers } = await stored(page);
    must(`${typed} is 61.5, not ${answers.weight_kg}`, answers.weight_kg === 61.5);
    await close();
  }
  ok('61.5, 61,5 and 61,5 kg are one number, and the wheel changes none');
}

/** A form at its last step, of a person with a name that no other has. */
async function ready(browser, name) {
  const opened = await openForm(browser, 'en');
  await eachStep(opened.page, { ...only(FRAIL, REQUIRED), to_contact: 'yes', name }, async () => {});
  await opened.page.locator('[data-review] dl').first().waitFor();
  return opened;
}

async function unsent(page, what) {
  await page.locator(MESSAGE).waitFor();
  must(`${what}: the step stays`, (await step(page)) === 'review');
}

async function sentOnce(page, name) {
  await send(page);
  const { receipt_code: code } = await stored(page);
  must('the receipt code is that of the submission', (await text(page.locator('.code'))).replace(' ', '') === code);
  must(`one submission of ${name}, not ${await persons(name)}`, (await persons(name)) === 1);
}

async function offline(browser) {
  const name = 'Olga Sinlinea';
  const { page, context, close } = await ready(browser, name);
  await context.setOffline(true);
  for (const time of ['first', 'second']) {
    await page.click('[data-send]');
    await unsent(page, `offline, the ${time} time`);
  }
  await look(page, 'form en without a connection');
  await context.setOffline(false);
  await sentOnce(page, name);
  await close('net::ERR_INTERNET_DISCONNECTED');
  ok('without a connection the form keeps its answers, and sends them once');
}

/** The page of the form, not its checks. */
const posted = (address) => `${address.origin}${address.pathname}` === FORM;

async function busy(browser) {
  const name = 'Benita Ocupada';
  const { page, close } = await ready(browser, name);
  await page.route(posted, (route) => route.fulfill({ status: 503, body: '' }), { times: 2 });
  for (const time of ['first', 'second']) {
    await page.click('[data-send]');
    await unsent(page, `busy, the ${time} time`);
  }
  await sentOnce(page, name);
  await close('503');
  ok('a service that is busy twice stores one submission');
}

async function lost(browser) {
  const name = 'Leocadia Perdida';
  const { page, close } = await ready(browser, name);
  let made;
  await page.route(posted, async (route) => {
    made = await (await route.fetch()).text();
    await route.abort();
  }, { times: 1 });
  await page.click('[data-send]');
  await unsent(page, 'a lost response');
  must('the submission was stored', made.includes('class="code"') && (await persons(name)) === 1);
  // A reload does not change the retry key.
  await keeps(page, 'a reload', () => page.reload());
  await page.locator('[data-review] dl').first().waitFor();
  await sentOnce(page, name);
  must('the same receipt code', made.includes(await page.locator('.code').innerText()));
  await close('net::ERR_FAILED');
  ok('a lost response is fetched again: 1 submission');
}

/** No connection at a step: the message, and the step goes on when the connection is back. */
async function interrupted(browser) {
  const { page, context, close } = await openForm(browser, 'en');
  await walk(page, FRAIL, 'mobility');
  await fill(page, FRAIL);
  await context.setOffline(true);
  await go(page);
  must('the message at a step', (await focused(page)) === 'div.unsent' && (await step(page)) === 'mobility');
  await context.setOffline(false);
  await go(page);
  must('the step goes on', (await step(page)) === 'falls');
  await close('net::ERR_INTERNET_DISCONNECTED');
  ok('a step without a connection stays, and goes on afterwards');
}

/** A browser that refuses its storage keeps nothing, and the form goes on. */
async function withoutStorage(browser) {
  const name = 'Renata Sinmemoria';
  const { page, close } = await openForm(browser, 'en', { before: refuseStorage });
  await eachStep(page, { ...only(FRAIL, REQUIRED), to_contact: 'yes', name }, async () => {});
  await sentOnce(page, name);
  await close();
  ok('a browser that refuses its storage sends the form, too');
}

export const scenarios = [everyStep, discarded, again, decimals, offline, busy, lost, interrupted, withoutStorage];
