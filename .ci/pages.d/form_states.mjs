// A look at every step of the form, at its faults, its interruptions and the other pages that a person may meet.
import { BASE, BROWSER_KEY, api, focused, look, must, ok, open, text } from './kit.mjs';
import { FIT, FRAIL, REQUIRED, SIGNS, asBody, eachStep, fill, go, only, openForm, step, values, walk } from './form.mjs';

async function steps(browser) {
  for (const language of ['en', 'es']) {
    const { page, close } = await openForm(browser, language);
    const count = await page.locator('[data-step]').count();
    // Neither the language nor a clinic can hide a step.
    must(`at least 11 steps, not ${count}`, count >= 11);
    await eachStep(page, { ...FRAIL, to_contact: 'no' }, async (name) => {
      if (name === 'review') await page.locator('[data-review] dl').first().waitFor();
      await look(page, `form ${language} ${name}`, { once: language === 'es' });
    });
    await close();
  }
  ok('every step in both languages');
}

/** A fault after Continue: the summary has the focus, also the second time, and nothing typed is changed. */
async function faults(browser) {
  for (const [language, range] of [['en', '18 to 120'], ['es', '18 a 120']]) {
    const { page, close } = await openForm(browser, language);
    await walk(page, {}, 'about');
    await fill(page, { ...only(FRAIL, ['sex', 'weight_kg']), age: '12', height_cm: 'tall' });
    for (const time of ['first', 'second']) {
      await go(page);
      must(`${language}: the summary has the focus the ${time} time: ${await focused(page)}`, (await focused(page)) === 'section.faults');
      must('the step stays', (await step(page)) === 'about');
    }
    must(`the title begins with the fault: ${await page.title()}`, (await page.title()).startsWith('Error'));
    must('the range in words', (await text(page.locator('#question-age .fault'))).includes(range));
    const [age, height] = [page.locator('#age'), page.locator('#height_cm')];
    must('the field is marked', (await age.getAttribute('aria-invalid')) === 'true');
    must('the field names its fault', (await age.getAttribute('aria-describedby')).includes('question-age-fault'));
    must('what was typed stays', (await age.inputValue()) === '12' && (await height.inputValue()) === 'tall');
    await look(page, `form ${language} faults of a step`);
    await page.click('[data-faults] a[href="#age"]');
    must(`a link leads to its field, not ${await focused(page)}`, (await focused(page)) === 'input#age');
    await fill(page, { age: '82', height_cm: '168' });
    await go(page);
    must('the corrected step leads on', (await step(page)) === 'alarm' && (await page.locator('.fault').count()) === 0);
    await close();
  }
  ok('faults of a step: the summary has the focus each time, and its links lead to the fields');
}

/** An alarm interrupts with its level, one thing to do, its own reasons, and a way back. */
async function interruptions(browser) {
  for (const [level, signs] of Object.entries(SIGNS)) {
    for (const language of ['en', 'es']) {
      const { page, close } = await openForm(browser, language);
      await walk(page, { ...FRAIL, age: '82' }, 'alarm');
      await fill(page, signs);
      await go(page);
      const known = await api('/v1/scores', { key: BROWSER_KEY, language, body: { answers: asBody({ age: '82', ...signs }) } });
      must(`the level ${level}, not ${known.care_level}`, known.care_level === level);
      await interruption(page, known, `${language} ${level}`);
      await look(page, `form ${language} alarm ${level}`);
      await page.goBack();
      must('the way back leads to the step', (await step(page)) === 'alarm' && (await page.isChecked('[name=dark_urine][value=true]')));
      await go(page);
      must('the same alarm does not interrupt twice', (await step(page)) === 'mobility');
      must('the answers are kept', (await values(page)).includes('dark_urine=true'));
      await close();
    }
  }
  ok('each urgent level interrupts in both languages, with its own heading, call and reasons');
}

async function interruption(page, known, place) {
  const card = page.locator('[data-alarm]');
  must(`${place}: the heading has the focus, not ${await focused(page)}`, (await focused(page)) === 'h1.title');
  must(`${place}: the heading follows the level`, (await text(page.locator('h1'))) === known.care_title);
  must(`${place}: the level`, (await card.getAttribute('data-level')) === known.care_level);
  must(`${place}: the form is hidden`, await page.locator('form[data-steps]').isHidden());
  must(`${place}: one number to call`, (await card.locator(`a[href="tel:${known.consultation.emergency_number}"]`).count()) === 1);
  must(`${place}: no other link`, (await card.locator('a').count()) === 1);
  const said = await card.locator('li').allInnerTexts();
  const own = known.red_flags.filter((flag) => flag.level === known.care_level).map((flag) => flag.reason);
  must(`${place}: the reasons of its level only, ${said}`, said.length === own.length && own.every((reason) => said.includes(reason)));
}

/** The button of the interruption goes on to the next step. */
async function goesOn(browser) {
  const { page, close } = await openForm(browser, 'en');
  await walk(page, FRAIL, 'alarm');
  await fill(page, SIGNS.emergency);
  await go(page);
  await page.reload();
  await go(page);
  must('an alarm from which the person did not go on interrupts again after a reload', (await page.locator('[data-alarm]').count()) === 1);
  await go(page, () => page.click('[data-go-on]'));
  must('the form goes on', (await step(page)) === 'mobility' && (await page.locator('[data-alarm]').count()) === 0);
  await close();
  ok('the form goes on after an interruption');
}

/** Unanswered questions reach the review, which leads to them; a refused form is one page with all its faults. */
async function review(browser) {
  for (const language of ['en', 'es']) {
    const { page, close } = await openForm(browser, language);
    await eachStep(page, { ...only(FRAIL, REQUIRED), age: '71', stair_difficulty: 'some' }, async () => {});
    await page.locator('#title-open').waitFor();
    await look(page, `form ${language} review with open questions`, { once: language === 'es' });
    await page.locator('[aria-labelledby="title-open"] a').first().click();
    must(`a question that is open has the focus: ${await focused(page)}`, /^(input|fieldset)/.test(await focused(page)));
    await go(page);
    must('from there Continue leads back to the review', (await step(page)) === 'review');
    await close();
  }
  const { page, close } = await openForm(browser, 'en');
  await eachStepWithout(page, { age: '71' });
  must('the review states what is missing', (await page.locator('[data-faults] li').count()) === REQUIRED.length - 1);
  await look(page, 'form en review with faults');
  await page.click('[data-send]');
  await page.locator('#question-activity-fault').waitFor();
  await page.locator('[data-slot] > :focus').waitFor();
  must(`its list of faults has the focus, not ${await focused(page)}`, (await focused(page)) === 'section.faults');
  must('a refused form is one page', (await page.locator('[data-step]:not([hidden])').count()) > 10);
  must('with its answers', (await page.inputValue('#age')) === '71');
  await look(page, 'form en refused, one page');
  await page.fill('#age', '72');
  await page.click('button[name="language"]');
  await page.locator('html[lang="es"]').waitFor({ state: 'attached' });
  must('another language keeps what was changed there', (await page.inputValue('#age')) === '72');
  await close('422');
  ok('the review lists open questions and faults, and each leads to its question');
}

/** Walks to the review although answers are missing: a step shows the faults of its own questions, so the walk uses the history. */
async function eachStepWithout(page, answers) {
  await walk(page, {}, 'about');
  await fill(page, answers);
  await page.evaluate(() => {
    const key = Object.keys(sessionStorage)[0];
    const kept = JSON.parse(sessionStorage.getItem(key));
    sessionStorage.setItem(key, JSON.stringify({ ...kept, current: document.querySelectorAll('[data-step]').length - 1 }));
  });
  await page.reload();
  await page.locator('[data-faults]:focus').waitFor();
}

/** What is shown where no answers are taken, or the script does not load. */
async function others(browser) {
  const closed = await open(browser, `${BASE}/s/no-such-clinic?lang=en`);
  await look(closed.page, 'form en closed');
  await closed.close('404');
  const idle = await openForm(browser, 'es', { query: '&idle' });
  await look(idle.page, 'form es cleared after 30 minutes', { once: true });
  await idle.close();
  const whole = await openForm(browser, 'en', { whole: true });
  await look(whole.page, 'form en one page');
  await fill(whole.page, SIGNS.emergency);
  await whole.page.click('[data-send]');
  await whole.page.locator('[data-level="emergency"]').waitFor();
  await look(whole.page, 'form en refused with an alarm');
  await whole.page.click('button[value="edit"]');
  await whole.page.locator('[data-faults]').waitFor();
  must('the refused form has its answers', await whole.page.isChecked('[name=dark_urine][value=true]'));
  await whole.close('net::ERR_FAILED', '422');
  ok('closed, cleared, without its module, refused with an alarm');
}

/** Half an hour without use clears the tab. The clock of the page is the test's. */
async function idle(browser) {
  const { page, close } = await openForm(browser, 'en', { before: (page) => page.clock.install() });
  await walk(page, FIT, 'mobility');
  await page.clock.fastForward('29:00');
  must('29 minutes keep the answers', (await values(page)).includes('age=45'));
  await page.clock.fastForward('02:00');
  await page.waitForURL((address) => address.searchParams.has('idle'));
  must('31 minutes clear them', (await page.inputValue('#age')) === '' && (await page.evaluate(() => sessionStorage.length)) <= 1);
  await look(page, 'form en cleared after 30 minutes', { once: true });
  await close();
  ok('answers are cleared after 30 minutes without use');
}

/** A tab that comes back after half an hour, such as one that the browser discarded, is cleared once. */
async function idleDiscarded(browser) {
  const { page, close } = await openForm(browser, 'en');
  await walk(page, FIT, 'mobility');
  await page.evaluate(() => {
    const name = Object.keys(sessionStorage)[0];
    const kept = JSON.parse(sessionStorage.getItem(name));
    sessionStorage.setItem(name, JSON.stringify({ ...kept, seen: kept.seen - 31 * 60_000 }));
  });
  await page.reload();
  await page.waitForURL((address) => address.searchParams.has('idle'));
  await page.locator('[data-step="start"]:not([hidden])').waitFor();
  must('a tab that comes back later is empty', (await page.inputValue('#age')) === '');
  must('and keeps nothing of before', (await page.evaluate(() => JSON.stringify({ ...sessionStorage }).includes('age=45'))) === false);
  await close();
  ok('answers of a tab that comes back after 30 minutes are cleared');
}

/** "No to all of these" by mistake: without it the rows are unanswered again, and an own answer stays. */
async function noToAllUndone(browser) {
  const { page, close } = await openForm(browser, 'en');
  await walk(page, FIT, 'alarm');
  await page.check('[name=dark_urine][value=false]');
  await page.check('#alarm_none');
  must('every row has an answer', (await page.locator('[data-step=alarm] [data-no]:not(:checked)').count()) === 0);
  await page.uncheck('#alarm_none');
  must('only the own answer stays', (await page.locator('[data-step=alarm] [type=radio]:checked').count()) === 1);
  await close();
  ok('"No to all of these" can be taken back');
}

export const scenarios = [steps, faults, interruptions, goesOn, review, others, idle, idleDiscarded, noToAllUndone];
