// The steps of the screening form: one group a step, one check after each. A refused form stays one page with all its faults.
if (form) (find('faults') ? onePage : steps)();

function steps() {
  const sections = [...form.querySelectorAll('[data-step]')];
  const parts = ['title', 'back', 'continue', 'send', 'slot', 'unsent'].map((name) => find(name));
  const [title, back, next, send, slot, unsent] = parts;
  const [formTitle, pageTitle, last] = [title.textContent, document.title, sections.length - 1];
  // `shown` is the alarm on the screen; `known` the one from which the person went on or back, until it is gone.
  let [current, known, shown, reviewing, busy] = [0, '', '', false, false];

  const values = () => new URLSearchParams(new FormData(form));
  const save = () => keep(JSON.stringify({ seen, current, known, values: `${values()}` }));

  function restore() {
    const old = JSON.parse(kept() ?? 'null');
    if (!old) return;
    seen = old.seen;
    look();
    if (left) return;
    fill(new URLSearchParams(old.values));
    [current, known] = [Math.min(old.current, last), old.known];
  }

  // `push` adds the step to the history of the browser.
  function show(step, push, focused = title) {
    [current, known, shown] = [step, shown || known, ''];
    reviewing &&= current !== last;
    for (const section of sections) {
      section.hidden = section !== sections[current];
      section.querySelector('h2').hidden = true;
      find('progress', section).hidden = false;
    }
    [form.className, form.hidden, unsent.hidden] = ['form', false, true];
    [back.hidden, next.hidden, send.hidden] = [current === 0, current === last, current !== last];
    slot.replaceChildren();
    title.textContent = current === 0 ? formTitle : sections[current].querySelector('h2').textContent;
    document.title = `${title.textContent} – ${find('progress', sections[current]).textContent} – ${pageTitle}`;
    if (push) history.pushState({ step }, '', `#${sections[current].id}`);
    hideOthers();
    save();
    if (focused) focus(focused);
    tell({ step: current + 1, of: sections.length });
  }

  // Shows the step that a check leads to, with its faults.
  function go(step, faults) {
    const target = step === 'review' ? last : current + (faults ? 0 : 1);
    show(target, target !== current);
    mark(faults);
    if (!faults) return;
    slot.replaceChildren(faults);
    document.title = `${form.dataset.error} ${document.title}`;
    focus(faults);
  }

  function interrupt(alarm, then) {
    shown = alarm.dataset.alarm;
    history.pushState({ step: current }, '');
    [form.hidden, unsent.hidden] = [true, true];
    title.textContent = alarm.dataset.title;
    document.title = alarm.dataset.title;
    slot.replaceChildren(alarm);
    find('go-on', alarm).addEventListener('click', then);
    focus(title);
    // The site that embeds the form sees what it sees after a fault: an alarm is an answer.
    tell({ step: current + 1, of: sections.length });
  }

  async function post(address, body) {
    if (busy) return null;
    busy = true;
    const answer = await ask(address, body);
    busy = false;
    if (answer?.ok || answer?.status === 422) return answer;
    await explain(unsent, answer);
    return null;
  }

  async function check(step) {
    const answer = await post(form.dataset.check, new URLSearchParams([...values(), ['step', step]]));
    if (!answer) return;
    const found = await parsed(answer);
    const [alarm, faults, review] = ['alarm', 'faults', 'review'].map((name) => find(name, found));
    if (review) find('review', form).replaceWith(review);
    if (!alarm) known = '';
    if (alarm && alarm.dataset.alarm !== known) interrupt(alarm, () => go(step, faults));
    else go(step, faults);
  }

  async function submit() {
    const answer = await post(form.getAttribute('action'), values());
    if (!answer) return;
    // The page of a refusal has the faults and the alarm.
    if (!answer.ok) return form.submit();
    const page = await parsed(answer);
    document.title = page.title;
    document.body.replaceWith(page.body);
    forget();
    tell({ sent: true });
    focus(find('title'));
  }

  form.addEventListener('submit', (event) => {
    const language = event.submitter?.name === 'language' && event.submitter.value;
    // Where the tab keeps nothing, the service puts the answers into the page in the other language.
    if (language && (kiosk || !hasStorage())) return;
    event.preventDefault();
    if (language) {
      save();
      query.delete('idle');
      query.set('lang', language);
      location.search = query;
    } else if (current === last) submit();
    else next.click();
  });
  next.addEventListener('click', () => {
    check(reviewing || current === last - 1 ? 'review' : sections[current].dataset.step);
  });
  back.addEventListener('click', () => history.back());
  addEventListener('popstate', (event) => {
    if (!form.isConnected || !event.state) return;
    show(event.state.step, false);
    if (current === last) check('review');
  });
  // Before the focus moves on: a question that hides while it gets the focus would lose it.
  form.addEventListener('input', ({ target }) => {
    if (target.name === 'alarm_none') answerNo(target.checked);
    hideOthers();
    save();
  });
  document.addEventListener('click', (event) => {
    const link = form.isConnected && event.target.closest('a[href^="#"]');
    if (!link) return;
    const target = document.getElementById(link.hash.slice(1));
    const step = sections.indexOf(target?.closest('[data-step]'));
    if (link.dataset.language || step >= 0) event.preventDefault();
    if (link.dataset.language) form.querySelector(`[name="language"][value="${link.dataset.language}"]`).click();
    if (step < 0) return;
    const wasReview = current === last;
    if (step === current) focus(target);
    else show(step, true, target);
    reviewing ||= wasReview && step !== last;
  });
  restore();
  if (left) return;
  history.replaceState({ step: current }, '');
  show(current, false, null);
  if (current === last) check('review');
}
