// The journey of a person in Firefox.
import { pathToFileURL } from 'node:url';
import { BASE, FORM, must, ok, require } from './kit.mjs';
import { FRAIL, REQUIRED, asBody, only, submission } from './form.mjs';

const CURRENT = '[data-step]:not([hidden])';

/** Fills in the fields of the current step. */
async function answer(page, answers) {
  for (const [name, entry] of Object.entries(answers)) {
    const typed = await page.$(`${CURRENT} input[name="${name}"][type="text"]`);
    if (typed) {
      await typed.type(entry);
      continue;
    }
    for (const value of [entry].flat()) await (await page.$(`${CURRENT} input[name="${name}"][value="${value}"]`))?.click();
  }
}

async function journey() {
  const { default: puppeteer } = await import(pathToFileURL(require.resolve('puppeteer-core')));
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    const faults = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    // Firefox itself asks for a font that is in its address.
    const isOwn = (address) => address.startsWith(BASE) || address.startsWith('data:font/');
    page.on('request', (request) => isOwn(request.url()) || faults.push(request.url()));
    await page.goto(`${FORM}?lang=es`);
    const steps = await page.$$eval('[data-step]', (all) => all.map((one) => one.dataset.step));
    for (const [place, name] of steps.entries()) {
      await page.waitForSelector(`[data-step="${name}"]:not([hidden])`);
      await answer(page, { ...only(FRAIL, REQUIRED), to_contact: 'no' });
      if (place === 4) await page.reload();
      if (place < steps.length - 1) await page.click('[data-continue]');
    }
    await page.waitForSelector('[data-review] dl');
    await page.click('[data-send]');
    await page.waitForSelector('[data-sent]');
    const [heading, code] = await page.evaluate(() => [document.querySelector('h1').textContent, document.querySelector('.code').textContent]);
    const { answers, assessment } = await submission(code, 'es');
    must(`the heading ${heading} is ${assessment.care_title}`, heading.trim() === assessment.care_title);
    must('the answers', JSON.stringify(sorted(answers)) === JSON.stringify(sorted(asBody(only(FRAIL, REQUIRED)))));
    must('the heading has the focus', await page.evaluate(() => document.activeElement.localName === 'h1'));
    must(`a clean console and no other host, not ${JSON.stringify(faults)}`, faults.length === 0);
    ok(`Firefox ${await browser.version()}: ${steps.length} steps and the outcome`);
  } finally {
    await browser.close();
  }
}

function sorted(answers) {
  return Object.entries(answers).sort();
}

export const scenarios = [journey];
