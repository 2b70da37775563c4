// Improves the pages of staff: keeps the draft of a note, says when the list has changed, and offers keys. Every page works
// without it.
const POLL = 30_000;
const SWITCH = 'staff-keys';

// A browser may refuse its storage. The pages then keep no draft and no switch, and everything else works.
const inTab = (use) => { try { return use(sessionStorage); } catch { return null; } };
const onDevice = (use) => { try { return use(localStorage); } catch { return null; } };

keepDrafts();
tellNews();
offerKeys();
document.querySelector('[data-focus]')?.focus();

// A draft is in this tab only. It outlasts a reload and a sign-out, and ends with the command that has the note.
function keepDrafts() {
  const kept = (name) => `draft ${name}`;
  const done = new URLSearchParams(location.search).get('done');
  const forget = (name) => inTab((tab) => tab.removeItem(kept(name)));
  // A page that is shown again does not follow a command: what it keeps was typed after it.
  const isAgain = ['reload', 'back_forward'].includes(performance.getEntriesByType('navigation')[0]?.type);
  if (done && !isAgain) forget(`${location.pathname}/${done}`);
  const forgotten = document.querySelector('[data-forget]');
  if (forgotten) forget(forgotten.dataset.forget);
  for (const form of document.querySelectorAll('form[data-draft]')) {
    const note = form.elements.namedItem('note');
    if (!note) continue;
    const name = kept(form.dataset.draft);
    const keep = () => inTab((tab) => (note.value ? tab.setItem(name, note.value) : tab.removeItem(name)));
    if (note.value) {
      keep();
    } else {
      note.value = inTab((tab) => tab.getItem(name)) ?? '';
      const folded = form.closest('details');
      if (note.value && folded) folded.open = true;
    }
    note.addEventListener('input', keep);
  }
}

// Asks for changes, which shows and records no data of persons. The list itself stays as it is.
function tellNews() {
  const line = document.querySelector('[data-news]');
  if (!line) return;
  const { news: address, seen, changed, signedOut } = line.dataset;
  const output = document.getElementById('news');
  const timer = setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(address, { cache: 'no-store' }).catch(() => null);
    if (answer?.status === 401) {
      output.textContent = signedOut;
      clearInterval(timer);
    }
    // Another fault may pass.
    if (!answer?.ok) return;
    const { changes } = await answer.json();
    const text = changes === seen ? '' : changed;
    if (output.textContent !== text) output.textContent = text;
  }, POLL);
}

// Keys move the focus and follow links. None of them executes a command.
function offerKeys() {
  const help = document.querySelector('[data-keys]');
  if (!help) return;
  help.hidden = false;
  const used = document.getElementById('keys-use');
  used.checked = onDevice((device) => device.getItem(SWITCH)) !== 'off';
  used.addEventListener('change', () => onDevice((device) => device.setItem(SWITCH, used.checked ? 'on' : 'off')));
  const cases = [...document.querySelectorAll('[data-case]')];

  const step = (by) => {
    const place = cases.indexOf(document.activeElement);
    const next = place < 0 ? (by > 0 ? 0 : cases.length - 1) : place + by;
    cases[Math.min(Math.max(next, 0), cases.length - 1)]?.focus();
  };
  const go = (key) => {
    const target = document.querySelector(`[data-key="${key}"]`);
    if (!target) return false;
    if (target.href) target.click();
    else (target.querySelector('textarea, select, button') ?? target).focus();
    return true;
  };

  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !used.checked) return;
    if (event.target.closest('input, select, textarea, [contenteditable]')) return;
    if (event.key === 'j' || event.key === 'k') {
      step(event.key === 'j' ? 1 : -1);
    } else if (event.key === '?') {
      help.open = !help.open;
      help.querySelector('summary').focus();
    } else if (!['n', 'c', 'r'].includes(event.key) || !go(event.key)) {
      return;
    }
    event.preventDefault();
  });
}
