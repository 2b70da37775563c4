// The tab of the screening form: what it keeps, how long, and what it tells the site that embeds it. The service sends this file,
// screening_fields.js and screening.js as one module.
const IDLE = 30 * 60 * 1000;
const query = new URLSearchParams(location.search);
const kiosk = query.has('kiosk');
const key = `sarcoscreen ${location.pathname}`;
const form = document.querySelector('form[data-steps]');
const find = (name, root = document) => root.querySelector(`[data-${name}]`);
let [seen, left] = [Date.now(), false];

// A browser may refuse its storage, for example that of a frame. The form then goes on, and the tab keeps nothing.
const storage = (use) => { try { return use(sessionStorage); } catch { return null; } };
const forget = () => storage((tab) => tab.removeItem(key));
// Some browsers have a storage without room.
const hasStorage = () => storage((tab) => { tab.setItem('room', '1'); tab.removeItem('room'); return true; }) === true;
const kept = () => (kiosk ? null : storage((tab) => tab.getItem(key)));
// A page that is being left keeps nothing more.
const keep = (state) => kiosk || left || storage((tab) => tab.setItem(key, state));
// The parent is one of the clinic's own sites: the policy of this page admits no other. No message has an answer.
const tell = (message) => { if (parent !== window) parent.postMessage({ sarcoscreen: message }, '*'); };
const height = () => tell({ height: Math.ceil(document.documentElement.getBoundingClientRect().height) });
const parsed = async (answer) => new DOMParser().parseFromString(await answer.text(), 'text/html');

// Sends a form; null without a response. One that does not come in time is none, and the form can be sent again.
const ask = (address, body) => fetch(address, { method: 'POST', body, signal: AbortSignal.timeout?.(60_000) }).catch(() => null);

function leave() {
  left = true;
  forget();
  query.set('idle', '');
  location.replace(`${location.pathname}?${query}`);
}

// A sleeping device stops timers, so the first event after it looks at the clock too. Every page with answers to send is cleared;
// only a kiosk clears an outcome. The tab keeps nothing longer on any page.
function look(event) {
  if (Date.now() - seen > IDLE) (kiosk || document.forms.length > 0 ? leave : forget)();
  else if (event) seen = Date.now();
}

// Moves the focus to a heading, a list or a field.
function focus(element) {
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus();
  element.scrollIntoView();
}

// Shows why nothing was sent: the service's own words where sending again cannot help, otherwise those of the notice.
async function explain(notice, answer) {
  notice.own ??= [...notice.children].map((part) => part.textContent);
  const page = [400, 403, 404, 413].includes(answer?.status) && (await parsed(answer));
  const title = page && find('title', page);
  const words = title ? [title.textContent, find('text', page).textContent] : notice.own;
  words.forEach((text, place) => { notice.children[place].textContent = text; });
  notice.hidden = false;
  focus(notice);
}

// A browser may show a page from its memory again. Answers that the tab no longer keeps are not shown again.
addEventListener('pageshow', ({ persisted }) => {
  const own = document.forms[0]?.elements.namedItem('key')?.value;
  if (persisted && own && (kiosk || hasStorage()) && !kept()?.includes(own)) location.replace(`${location.pathname}?${query}`);
});

setInterval(look, 10_000);
for (const kind of ['input', 'click', 'visibilitychange']) document.addEventListener(kind, look);
if (parent !== window) new ResizeObserver(height).observe(document.documentElement);
if (find('sent')) {
  forget();
  tell({ sent: true });
}
find('again')?.addEventListener('click', forget);
