// The pages of the rules: versions, a table with its search and its links, what changed.
import { BASE, DESKTOP, api, look, must, ok, open, text } from './kit.mjs';

async function table(browser) {
  const { rule_table: version } = await api('/v1/questionnaire');
  const { page, close } = await open(browser, `${BASE}/rules?lang=en`, { viewport: DESKTOP });
  await look(page, 'rules en versions');
  await page.click(`a[href^="/rules/${version}?"]`);
  await page.locator('[data-entry]').first().waitFor();
  const all = await page.locator('[data-entry]').count();
  await look(page, 'rules en table');
  await page.fill('#q', 'STATIN muscle');
  await page.locator('#found:not(:empty)').waitFor();
  const found = await page.locator('[data-entry]:visible').count();
  must(`the search shows some entries: ${found} of ${all}`, found > 0 && found < all);
  must('and says how many', (await text(page.locator('#found'))).includes(String(found)));
  await page.fill('#q', 'qwxz');
  await page.locator('#found-none').waitFor();
  await look(page, 'rules en table, nothing found', { once: true });
  await page.fill('#q', '');
  must('all entries again', (await page.locator('[data-entry]:visible').count()) === all);
  await linked(page, version);
  await close('404');
  ok(`the rule table ${version}: ${all} entries, searched and linked`);
}

/** Each entry has a link of its own, which also ends a search. */
async function linked(page, version) {
  const link = page.locator('[data-entry] p.small > a[href^="#rule-"]').nth(3);
  const hash = await link.getAttribute('href');
  await page.goto(`${BASE}/rules/${version}?lang=en${hash}`);
  must('the entry is the target', (await page.locator(`${hash}:target`).count()) === 1);
  await look(page, 'rules en one rule', { once: true });
  await page.fill('#q', 'qwxz');
  await page.evaluate((hash) => { location.hash = ''; location.hash = hash; }, hash);
  await page.locator(hash).waitFor();
  must('a link to a hidden entry ends the search', (await page.inputValue('#q')) === '');
  await page.goto(`${BASE}/rules/${version}/changes?lang=en`);
  must('both sides', (await page.locator('.sides').count()) > 0);
  await look(page, 'rules en changes');
  await page.goto(`${BASE}/rules/${version}/changes?lang=es&from=2026.1`);
  await look(page, 'rules es changes', { once: true });
  await page.goto(`${BASE}/rules/${version}?lang=es`);
  await look(page, 'rules es table', { once: true });
  await page.goto(`${BASE}/rules/1999.1?lang=en`);
  await look(page, 'rules en no such version');
}

/** Without script the service searches, and finds the same entries. */
async function withoutScript(browser) {
  const { rule_table: version } = await api('/v1/questionnaire');
  const found = [];
  for (const javaScriptEnabled of [true, false]) {
    const { page, close } = await open(browser, `${BASE}/rules/${version}?lang=es`, { language: 'es', javaScriptEnabled });
    await page.fill('#q', 'caídas');
    if (!javaScriptEnabled) await Promise.all([page.waitForURL((address) => address.searchParams.has('q')), page.click('form[role="search"] button')]);
    found.push((await page.locator('[data-entry]:visible').evaluateAll((all) => all.map(({ id }) => id))).join());
    if (!javaScriptEnabled) must('a link back to all', (await page.locator(`a[href^="/rules/${version}"]`).count()) > 0);
    await close();
  }
  must(`both searches find the same: ${found}`, found[0] === found[1] && found[0] !== '');
  ok('without script the search finds the same entries');
}

export const scenarios = [table, withoutScript];
