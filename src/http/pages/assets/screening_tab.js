// The tab of the screening form: what it keeps, how long, and what it tells the site that embeds it. The service sends this file,
// screening_fields.js and screening.js as one module.
const IDLE = 30 * 60 * 1000;
const query = new URLSearchParams(location.search);
const kiosk = query.has('kiosk');
const key = `sarcoscreen ${location.pathname}`;
const form = document.querySelector('form[data-steps]');
const find = (name, root = document) => root.querySelector(`[data-${name}]`);
let seen = Date.now();

// A browser may refuse the storage of a frame.
const storage = (use) => { try { return use(sessionStorage); } catch { return null; } };
const forget = () => storage((tab) => tab.removeItem(key));
const hasStorage = () => storage((tab) => tab.length) !== null;
// The parent is one of the clinic's own sites: the policy of this page admits no other. No message has an answer.
const tell = (message) => { if (parent !== window) parent.postMessage({ sarcoscreen: message }, '*'); };
const height = () => tell({ height: Math.ceil(document.documentElement.getBoundingClientRect().height) });
const parsed = async (answer) => new DOMParser().parseFromString(await answer.text(), 'text/html');

function leave() {
  forget();
  query.set('idle', '');
  location.replace(`${location.pathname}?${query}`);
}

// A sleeping device stops timers, so the first event after it looks at the clock too. Only a kiosk clears an outcome.
function look(event) {
  if (Date.now() - seen > IDLE && (kiosk || form?.isConnected)) leave();
  else if (event) seen = Date.now();
}

// Moves the focus to a heading, a list or a field.
function focus(element) {
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus();
  element.scrollIntoView();
}

setInterval(look, 10_000);
for (const kind of ['input', 'click', 'visibilitychange']) document.addEventListener(kind, look);
if (parent !== window) new ResizeObserver(height).observe(document.documentElement);
if (find('sent')) {
  forget();
  tell({ sent: true });
}
find('again')?.addEventListener('click', forget);
