// What every scenario uses: pages that are watched, the API beside them, and the look at a state of a page.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export const { BASE, BROWSER_KEY, STAFF_KEY, SECOND_KEY } = process.env;
export const FORM = `${BASE}/s/demo`;
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 900 };
const NARROW = { width: 320, height: 640 };
const { STATES, PAGES_SCREENSHOTS: SCREENSHOTS } = process.env;
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const require = createRequire(`${process.argv[2]}/here.js`);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
if (SCREENSHOTS) mkdirSync(SCREENSHOTS, { recursive: true });

/** What was looked at: states, runs of axe-core, and what axe-core could not decide, by rule. */
export const seen = { states: new Set(), runs: 0, undecided: new Map() };

export function must(what, value) {
  if (!value) throw new Error(`failed: ${what}`);
}
export function ok(what) {
  console.log(`ok: ${what}`);
}

/** A request to the API; its status must be the wanted one. */
export async function api(path, { key = STAFF_KEY, language = 'en', body, status = 200, ...more } = {}) {
  const headers = { 'accept-language': language, authorization: `Bearer ${key}`, ...more };
  const json = body && { method: 'POST', body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } };
  const response = await fetch(BASE + path, { headers, ...json, signal: AbortSignal.timeout(60_000) });
  const text = await response.text();
  must(`${path}: ${status}, not ${response.status}: ${text}`, response.status === status);
  return text ? JSON.parse(text) : null;
}

/** A page with its console and its requests. `close` names what the console may report. */
export async function open(browser, address, { language = 'en', viewport = PHONE, hosts = [BASE], before, ...more } = {}) {
  const context = await browser.newContext({ locale: language, viewport, ...more });
  context.setDefaultTimeout(60_000);
  const [faults, strangers] = [[], []];
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  context.on('weberror', (error) => faults.push(error.error().stack ?? `${error.error()}`));
  context.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && !hosts.includes(origin)) strangers.push(request.url());
  });
  const page = await context.newPage();
  await before?.(page, context);
  await page.goto(address);
  const close = async (...allowed) => {
    const wrong = faults.filter((fault) => !allowed.some((text) => fault.includes(text)));
    must(`a clean console, not ${JSON.stringify(wrong)}`, wrong.length === 0);
    must(`no request to another host: ${strangers}`, strangers.length === 0);
    await context.close();
  };
  return { page, context, close };
}

/** A browser that refuses its storage, as with blocked cookies. */
export function refuseStorage(page) {
  return page.addInitScript(() => {
    for (const name of ['sessionStorage', 'localStorage']) {
      Object.defineProperty(window, name, { get() { throw new DOMException('refused', 'SecurityError'); } });
    }
  });
}

/** What has the focus, as a short text. */
export function focused(page) {
  return page.evaluate(() => {
    const { activeElement: one } = document;
    return one === document.body ? 'body' : `${one.localName}${one.id && `#${one.id}`}${Object.keys(one.dataset).map((name) => `.${name}`).join('')}`;
  });
}

/** Text without runs of white space. */
export async function text(locator) {
  return (await locator.innerText()).replace(/\s+/g, ' ').trim();
}

/** The themes and widths of a look. Neighbours alternate, so that each theme is seen at each width. */
function variants(place, once) {
  const pairs = [[['light', PHONE], ['dark', DESKTOP]], [['dark', PHONE], ['light', DESKTOP]]];
  const chosen = pairs[place % 2];
  return once ? [chosen[Math.floor(place / 2) % 2]] : chosen;
}

/** Looks at a state: axe-core, sideways scrolling, the markup for the validators, screenshots. `once`: in one variant only. */
export async function look(page, name, { once = false } = {}) {
  must(`each state has a name of its own: ${name}`, !seen.states.has(name));
  seen.states.add(name);
  const [place, before] = [seen.states.size, page.viewportSize()];
  const file = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  writeFileSync(`${STATES}/${file}.html`, await page.content());
  const checked = variants(place, once);
  for (const [theme, viewport] of checked) {
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize(viewport);
    await accessible(page, `${name}, ${theme}, ${viewport.width} px`);
  }
  if (SCREENSHOTS) await picture(page, file);
  await narrow(page, name, file);
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}

async function accessible(page, what) {
  if (await page.evaluate(() => globalThis.axe === undefined)) await page.evaluate(axe);
  const options = { runOnly: { type: 'tag', values: RULES }, resultTypes: ['violations', 'incomplete'] };
  const { violations, incomplete } = await page.evaluate((options) => globalThis.axe.run(document, options), options);
  const wrong = violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html, failureSummary }) => [html, failureSummary])]);
  must(`${what}: ${JSON.stringify(wrong)}`, violations.length === 0);
  for (const { id } of incomplete) seen.undecided.set(id, (seen.undecided.get(id) ?? 0) + 1);
  seen.runs += 1;
  await fits(page, what);
}

/** Nothing is wider than the window. */
async function fits(page, what) {
  const [width, room, widest] = await page.evaluate(() => {
    const { scrollWidth } = document.documentElement;
    const inScroll = (one) => one.closest('.staff-scroll, .skip');
    const out = [...document.body.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > innerWidth && !inScroll(one));
    return [scrollWidth, innerWidth, out.at(-1)?.outerHTML.slice(0, 200)];
  });
  must(`${what}: no scrolling sideways, ${width} in ${room}: ${widest}`, width <= room);
}

/** The page at 320 px with text of twice the size. */
async function narrow(page, name, file) {
  await page.setViewportSize(NARROW);
  await page.evaluate(() => (document.documentElement.style.fontSize = '200%'));
  await fits(page, `${name}, 320 px, 200 % text`);
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${file}.narrow.png` });
  await page.evaluate(() => document.documentElement.removeAttribute('style'));
}

/** The state on a phone and on a desktop in both themes, and with the colours of the system. */
async function picture(page, file) {
  for (const theme of ['light', 'dark']) {
    for (const [kind, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize(viewport);
      await page.screenshot({ path: `${SCREENSHOTS}/${file}.${kind}.${theme}.png`, fullPage: true });
    }
  }
  await page.emulateMedia({ forcedColors: 'active' });
  await page.screenshot({ path: `${SCREENSHOTS}/${file}.forced-colors.png`, fullPage: true });
  await page.emulateMedia({ forcedColors: null });
}

/** The path of a picture or a print; undefined if none are kept. */
export function kept(file) {
  return SCREENSHOTS && `${SCREENSHOTS}/${file}`;
}

/** The keyboard, with its presses counted. After each press an element has the focus. */
export class Keyboard {
  constructor(page) {
    this.page = page;
    this.presses = 0;
  }

  /** A key that may load another page, where nothing has the focus yet. */
  async leave(key) {
    this.presses += 1;
    await this.page.keyboard.press(key);
  }

  async press(key) {
    const before = await focused(this.page);
    await this.leave(key);
    must(`the focus is lost after ${key}, it was on ${before}`, (await focused(this.page)) !== 'body');
  }

  async type(words) {
    this.presses += words.length;
    await this.page.keyboard.type(words);
  }

  /** Presses Tab until an element that the selector names has the focus. */
  async to(selector, most = 80) {
    const reached = () => this.page.evaluate((selector) => document.activeElement.matches(selector), selector);
    for (let count = 0; count < most; count += 1) {
      if (await reached()) return;
      await this.press('Tab');
    }
    must(`Tab reaches ${selector}, not ${await focused(this.page)}`, await reached());
  }
}
