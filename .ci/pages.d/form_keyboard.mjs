// The whole screening form with the keyboard alone, in each language: no press loses the focus, and after each step it is on the
// heading of the next one.
import { focused, Keyboard, must, ok, text } from './kit.mjs';
import { FRAIL, openForm, persons, sameAsApi, step } from './form.mjs';

/** More presses than a person should need; every question is answered. */
const MOST_PRESSES = 210;
const NAME = 'Tecla Solotabulador';

/** Answers the questions of a step in their order. */
async function answer(keyboard, answers) {
  const { page } = keyboard;
  const names = await page.evaluate(() => {
    const fields = [...document.querySelectorAll('[data-step]:not([hidden]) input')];
    return [...new Set(fields.filter((field) => field.checkVisibility()).map(({ name }) => name))];
  });
  for (const name of names.filter((name) => answers[name] !== undefined)) {
    const isText = await page.locator(`input[name="${name}"][type="text"]`).count();
    if (isText) {
      await keyboard.to(`[name="${name}"]`);
      await keyboard.type(answers[name]);
    } else {
      const options = await page.locator(`input[name="${name}"]`).evaluateAll((all) => all.map(({ value }) => value));
      for (const value of options.filter((option) => [answers[name]].flat().includes(option))) await choose(keyboard, name, value);
    }
  }
}

/** Tab leads to a group of radio buttons, and arrows move within it. Each check box is a stop of its own. */
async function choose(keyboard, name, value) {
  const { page } = keyboard;
  const wanted = `input[name="${name}"][value="${value}"]`;
  const isSet = await page.locator(`input[name="${name}"][type="checkbox"]`).count();
  await keyboard.to(isSet ? wanted : `input[name="${name}"]`);
  const options = await page.locator(`input[name="${name}"]`).evaluateAll((all) => all.map((one) => one.value));
  const place = options.indexOf(value);
  if (isSet || place === 0) await keyboard.press('Space');
  else for (let moved = 0; moved < place; moved += 1) await keyboard.press('ArrowDown');
  must(`${name} is ${value}`, await page.isChecked(wanted));
}

/** Enter in any field goes on, as Continue does; a step without a field has only Continue. */
async function proceed(keyboard, to) {
  const { page } = keyboard;
  if (!(await focused(page)).startsWith('input')) await keyboard.to('[data-continue]');
  await keyboard.press('Enter');
  await page.locator(`[data-step="${to}"]:not([hidden])`).waitFor();
  must(`the heading has the focus in step ${to}, not ${await focused(page)}`, (await focused(page)) === 'h1.title');
}

async function journey(browser, language, contact) {
  const { page, close } = await openForm(browser, language);
  const keyboard = new Keyboard(page);
  const steps = await page.locator('[data-step]').evaluateAll((all) => all.map((one) => one.dataset.step));
  for (const [place, name] of steps.entries()) {
    must(`the step ${name}`, (await step(page)) === name);
    const progress = await text(page.locator(`[data-step="${name}"] [data-progress]`));
    must(`the title has the progress: ${progress}`, (await page.title()).includes(progress));
    await answer(keyboard, { ...FRAIL, ...contact });
    if (name === 'contact') must('only a yes asks for a number', (await page.locator('#telephone').isVisible()) === (contact.to_contact === 'yes'));
    if (place < steps.length - 1) await proceed(keyboard, steps[place + 1]);
  }
  await page.locator('[data-review] dl').first().waitFor();
  await keyboard.to('[data-send]', 120);
  await keyboard.press('Enter');
  await page.locator('[data-sent]').waitFor();
  must(`the heading of the outcome has the focus, not ${await focused(page)}`, (await focused(page)) === 'h1.title');
  must(`the language of the outcome`, (await page.evaluate(() => document.documentElement.lang)) === language);
  const { answers } = await sameAsApi(page, language);
  must(`what was typed is stored: ${JSON.stringify(answers)}`, answers.age === 82 && answers.weight_kg === 51.5 && answers.falls_past_year === 4);
  ok(`${language}: ${steps.length} steps and the outcome with ${keyboard.presses} presses, the focus never lost`);
  must(`at most ${MOST_PRESSES} presses`, keyboard.presses <= MOST_PRESSES);
  await close();
}

async function english(browser) {
  await journey(browser, 'en', { to_contact: 'no' });
}

async function spanish(browser) {
  await journey(browser, 'es', { to_contact: 'yes', name: NAME, telephone: '+34 600 111 222' });
  must(`one submission of ${NAME}`, (await persons(NAME)) === 1);
}

export const scenarios = [english, spanish];
