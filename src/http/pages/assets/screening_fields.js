// The fields of the screening form: putting values back, hiding questions that do not apply, and words beside a fault.

// Puts the values of an earlier page back.
function fill(values) {
  // An agreement to another text does not count for the text of this page.
  const agreed = values.get('consent_version') === form.elements.namedItem('consent_version').value;
  for (const field of form.elements) {
    const isButton = ['submit', 'button', 'fieldset'].includes(field.type);
    if (isButton || field.name === 'consent_version' || (field.name === 'to_contact' && !agreed)) continue;
    if (['radio', 'checkbox'].includes(field.type)) field.checked = values.getAll(field.name).includes(field.value);
    else field.value = values.get(field.name) ?? field.value;
  }
}

// A refused form is one page, and its alarm or its list of faults has the focus. The tab keeps what is changed there too, for a page
// in another language and for a reload.
function onePage() {
  const review = form.querySelectorAll('[data-step]').length - 1;
  const save = () => keep(JSON.stringify({ seen, current: review, known: '', values: `${new URLSearchParams(new FormData(form))}` }));
  form.addEventListener('input', save);
  save();
  focus(find('slot').firstElementChild);
}

// A question that does not apply is hidden, unless it has an answer.
function hideOthers() {
  const isZero = (id) => /^0+([.,]0*)?$/.test(document.getElementById(id).value.trim());
  for (const question of form.querySelectorAll('[data-asked-when]')) {
    const applies = !question.dataset.askedWhen.split(' ').every(isZero);
    question.hidden = !applies && !question.querySelector('input:checked');
  }
}

// "No to all of these" answers no to every row without an answer. Without it these rows have no answer again: a mistake must not
// become a no.
function answerNo(isNo) {
  const rows = [...form.querySelectorAll('[data-no]')];
  const open = isNo ? rows.filter((one) => !one.closest('fieldset').querySelector('input:checked')) : rows.filter((one) => one.byAll);
  for (const no of open) [no.checked, no.byAll] = [isNo, isNo];
}

// Puts the words of each fault beside its question, and removes those of before. Nothing typed is changed.
function mark(faults) {
  for (const old of form.querySelectorAll('.fault')) old.remove();
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
  for (const link of faults?.querySelectorAll('a') ?? []) {
    const field = document.getElementById(link.hash.slice(1));
    // A later version of the service may ask what this page does not have.
    if (!field) continue;
    const question = field.closest('[data-question]');
    const help = find('help', question);
    const text = Object.assign(document.createElement('p'), { className: 'fault', id: `${question.id}-fault` });
    text.textContent = link.dataset.fault;
    help.after(text);
    field.setAttribute('aria-invalid', 'true');
    const described = question.matches('fieldset') ? question : field;
    described.setAttribute('aria-describedby', `${help.id} ${text.id}`);
  }
  for (const one of form.querySelectorAll('[aria-describedby]')) {
    const there = one.getAttribute('aria-describedby').split(' ').filter((id) => document.getElementById(id));
    one.setAttribute('aria-describedby', there.join(' '));
  }
}
