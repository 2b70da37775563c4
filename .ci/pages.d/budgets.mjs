// The form on a slow line: what the first page and a whole journey load, when the first page is there, and whether it moves.
import { must, ok } from './kit.mjs';
import { FRAIL, eachStep, openForm, send } from './form.mjs';

/** Lighthouse's slow 4G, as it is set in the browser. */
const LINE = { offline: false, latency: 562, downloadThroughput: 1_440_000 / 8, uploadThroughput: 675_000 / 8 };
const SLOWER = 4;
const FIRST_PAGE = { bytes: 20_000, requests: 4 };
const JOURNEY = 45_000;
const LCP_MS = 2_000;
const CLS = 0.02;
/** Other work on the cores only adds time, so the best of some tries counts. */
const TRIES = 5;

/** Every response of a page, with its bytes on the wire. */
function loads(page) {
  const sizes = [];
  page.on('requestfinished', (request) => {
    const size = request.sizes().then(({ responseBodySize, responseHeadersSize }) => responseBodySize + responseHeadersSize);
    sizes.push(size.then((bytes) => ({ bytes, path: new URL(request.url()).pathname })));
  });
  return async () => {
    const all = await Promise.all(sizes);
    return { requests: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0), all };
  };
}

async function slow(page, context) {
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', LINE);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  await page.addInitScript(() => {
    globalThis.vitals = { lcp: 0, cls: 0 };
    const watch = (type, use) => new PerformanceObserver((list) => list.getEntries().forEach(use)).observe({ type, buffered: true });
    watch('largest-contentful-paint', (entry) => (globalThis.vitals.lcp = entry.startTime));
    watch('layout-shift', (entry) => (globalThis.vitals.cls += entry.hadRecentInput ? 0 : entry.value));
  });
}

/** The figures when the page has nothing left to do. */
function vitals(page) {
  return page.evaluate(() => new Promise((resolve) => requestIdleCallback(() => setTimeout(() => resolve(globalThis.vitals)))));
}

async function firstPage(browser) {
  const tries = [];
  do {
    let load;
    const { page, close } = await openForm(browser, 'en', {
      before: async (page, context) => {
        load = loads(page);
        await slow(page, context);
      },
    });
    const { lcp, cls } = await vitals(page);
    const { bytes, requests, all } = await load();
    tries.push(Math.round(lcp));
    must(`at most ${FIRST_PAGE.bytes} bytes, not ${bytes}: ${JSON.stringify(all)}`, bytes <= FIRST_PAGE.bytes);
    must(`at most ${FIRST_PAGE.requests} requests, not ${requests}`, requests <= FIRST_PAGE.requests);
    must(`a layout shift of at most ${CLS}, not ${cls}`, cls <= CLS);
    must('a largest paint', lcp > 0);
    await close();
    if (lcp <= LCP_MS) ok(`first page on slow 4G: ${bytes} bytes, ${requests} requests, CLS ${cls.toFixed(3)}`);
  } while (tries.at(-1) > LCP_MS && tries.length < TRIES);
  must(`the largest paint within ${LCP_MS} ms, not ${tries}`, tries.at(-1) <= LCP_MS);
  ok(`LCP on slow 4G: ${tries.join(', ')} ms`);
}

async function journey(browser) {
  let load;
  const { page, close } = await openForm(browser, 'es', { before: (page) => (load = loads(page)) });
  await eachStep(page, { ...FRAIL, to_contact: 'no' }, async () => {});
  await send(page);
  const { bytes, requests, all } = await load();
  must(`at most ${JOURNEY} bytes, not ${bytes}: ${JSON.stringify(all)}`, bytes <= JOURNEY);
  ok(`a whole journey: ${bytes} bytes, ${requests} requests`);
  await close();
}

export const scenarios = [firstPage, journey];
