// Without script: refused, corrected, sent. The outcome of each level, and how it prints.
import { writeFileSync } from 'node:fs';
import { FORM, kept, look, must, ok, text } from './kit.mjs';
import { FIT, FRAIL, REQUIRED, SIGNS, asBody, fill, only, openForm, sameAsApi, showWhole, stored } from './form.mjs';

const A4 = { width: 794, height: 1123 };
const PAGES = 2;

/** Weakness would make dark urine an emergency. */
const WITHIN_24_HOURS = { ...FRAIL, weakness: 'false', ...SIGNS.consultation_24h };

async function withoutScript(browser) {
  for (const [language, other] of [['en', 'es'], ['es', 'en']]) {
    const { page, close } = await openForm(browser, language, { javaScriptEnabled: false });
    must('every step is on one page', (await page.locator('[data-step]').count()) === (await page.locator('[data-step]:visible').count()));
    const key = await page.inputValue('[name="key"]');
    await fill(page, { ...WITHIN_24_HOURS, age: '17' });
    await page.click('[data-send]');
    await page.locator('[data-level="consultation_24h"]').waitFor();
    await page.click('button[value="edit"]');
    await page.locator('#question-age-fault').waitFor();
    must('a link leads to the fault', (await page.locator('[data-faults] a[href="#age"]').count()) === 1);
    must('what was typed is there', (await page.inputValue('#weight_kg')) === FRAIL.weight_kg && (await page.isChecked('[name=dark_urine][value=true]')));
    await page.fill('#age', '82');
    await page.click(`button[name="language"][value="${other}"]`);
    await page.locator(`html[lang="${other}"]`).waitFor({ state: 'attached' });
    must('another language keeps the answers', (await page.inputValue('#age')) === '82');
    await page.click('[data-send]');
    await page.locator('[data-sent]').waitFor();
    const { answers, assessment } = await sameAsApi(page, other);
    must(`what is stored: ${JSON.stringify(answers)}`, answers.age === 82 && answers.dark_urine === true && answers.palpitations === false);
    must(`the level of the outcome: ${assessment.care_level}`, assessment.care_level === 'consultation_24h');
    const code = await text(page.locator('.code'));
    await sendAgain(page, key, WITHIN_24_HOURS);
    await page.locator('[data-sent]').waitFor();
    must('the same receipt code', (await text(page.locator('.code'))) === code);
    await close('422');
  }
  ok('without script a form is refused with its alarm and its faults, corrected, translated, sent, and sent once');
}

/** Sends a new form with the retry key of another one. */
async function sendAgain(page, key, answers) {
  await page.goto(`${FORM}?lang=en`);
  await showWhole(page);
  await page.evaluate((key) => (document.querySelector('[name="key"]').value = key), key);
  await fill(page, answers);
  await page.click('[data-send]');
}

/** The same answers by both ways are the same stored answers and the same assessment. */
async function bothWays(browser) {
  const made = [];
  for (const javaScriptEnabled of [true, false]) {
    const { page, close } = await openForm(browser, 'en', { javaScriptEnabled, whole: javaScriptEnabled });
    await showWhole(page);
    await fill(page, FRAIL);
    await page.click('[data-send]');
    await page.locator('[data-sent]').waitFor();
    const { answers, assessment, origin, source } = await stored(page);
    made.push(JSON.stringify({ answers, assessment, origin, system: source.system }));
    await close('net::ERR_FAILED');
  }
  must('both ways store the same', made[0] === made[1]);
  const { answers } = JSON.parse(made[0]);
  for (const [name, value] of Object.entries(asBody(FRAIL))) {
    must(`${name} is stored as ${JSON.stringify(value)}`, JSON.stringify(answers[name]) === JSON.stringify(value));
  }
  ok('with and without script the same answers are stored and assessed alike');
}

/** Each outcome, sent from the form without its module. */
const OUTCOMES = {
  'self-care': FIT,
  consultation: FRAIL,
  'within 24 hours': WITHIN_24_HOURS,
  emergency: { ...FRAIL, ...SIGNS.emergency },
  ambulance: { ...FRAIL, ...SIGNS.emergency_ambulance },
  unsettled: { ...only(FRAIL, REQUIRED), age: '71', stair_difficulty: 'some' },
};

async function outcomes(browser) {
  for (const [place, [name, answers]] of Object.entries(OUTCOMES).entries()) {
    for (const language of ['en', 'es']) {
      const { page, close } = await openForm(browser, language, { whole: true });
      await showWhole(page);
      // A sign that is there comes before "No to all of these".
      await fill(page, { ...answers, ...(place % 2 ? { to_contact: 'yes', telephone: 'no number' } : { to_contact: 'no' }) });
      await page.click('[data-send]');
      await page.locator('[data-sent]').waitFor();
      const { assessment } = await sameAsApi(page, language);
      const booking = await page.locator('a[href="https://example.org/book"]').count();
      must(`${name}: a booking link only if it is offered`, booking === Number(assessment.consultation.offered));
      const { lower, upper } = assessment.score;
      must(`${name}: the total ${lower} to ${upper}`, (await text(page.locator('#result + .lead'))).includes(String(upper)));
      must(`${name}: settled or not`, (lower === upper) === (name !== 'unsettled'));
      await look(page, `outcome ${language} ${name}`, { once: language === 'es' });
      await prints(page, `${language} ${name}`);
      await close('net::ERR_FAILED');
    }
  }
  ok(`each outcome says what the API says, in both languages, and prints on at most ${PAGES} pages`);
}

/** At most two pages of A4, the code and the clinic on the first, and no ink for buttons. */
async function prints(page, name) {
  const margin = '12mm';
  const pdf = await page.pdf({ format: 'A4', margin: { top: margin, right: margin, bottom: margin, left: margin } });
  const file = kept(`print-${name.replaceAll(' ', '-')}.pdf`);
  if (file) writeFileSync(file, pdf);
  const pages = pdf.toString('latin1').match(/\/Type\s*\/Page[^s]/g)?.length ?? 0;
  must(`${name}: printed on ${pages} pages`, pages > 0 && pages <= PAGES);
  const before = page.viewportSize();
  await page.emulateMedia({ media: 'print' });
  await page.setViewportSize(A4);
  for (const [what, selector] of [['the code', '.code'], ['the clinic', '.site-name']]) {
    const box = await page.locator(selector).boundingBox();
    must(`${name}: ${what} is on the first page`, box && box.y + box.height < A4.height * 0.9);
  }
  must(`${name}: no button is printed`, (await page.locator('button:visible').count()) === 0);
  await page.emulateMedia({ media: null });
  await page.setViewportSize(before);
}

/** Other answers with the key of a form that was sent. */
async function sentAlready(browser) {
  const { page, close } = await openForm(browser, 'en', { whole: true });
  await showWhole(page);
  const key = await page.inputValue('[name="key"]');
  await fill(page, FIT);
  await page.click('[data-send]');
  await page.locator('[data-sent]').waitFor();
  await sendAgain(page, key, { ...FIT, age: '46' });
  await page.locator('h1', { hasText: 'sent already' }).waitFor();
  await look(page, 'form en sent already');
  await page.click('[data-again]');
  await page.locator('form[data-steps]').waitFor();
  must('a new form is empty', (await page.inputValue('#age')) === '' && (await page.inputValue('[name="key"]')) !== key);
  await close('net::ERR_FAILED', '422');
  ok('other answers with the key of a form that was sent are refused, and a new form is offered');
}

export const scenarios = [withoutScript, bothWays, outcomes, sentAlready];
