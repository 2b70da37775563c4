// Filters the entries of a rule table while a person types. Without it the form asks the service, which searches by the same
// rules: an entry has all words, in any case and without accents.
const form = document.querySelector('form[data-filter]');

if (form) {
  const field = form.elements.namedItem('q');
  const found = document.getElementById('found');
  const none = document.getElementById('found-none');
  const entries = [...document.querySelectorAll('[data-entry]')].map((element) => ({ element, text: folded(element.textContent) }));
  const groups = ['[data-group]', '[data-section]'].flatMap((selector) => [...document.querySelectorAll(selector)]);

  const filter = () => {
    const words = folded(field.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { element, text } of entries) {
      element.hidden = !words.every((word) => text.includes(word));
      count += element.hidden ? 0 : 1;
    }
    for (const group of groups) group.hidden = !group.querySelector('[data-entry]:not([hidden])');
    none.hidden = count > 0;
    found.textContent = words.length === 0 ? '' : form.dataset.found.replace('{n}', count).replace('{all}', entries.length);
  };

  // A link to a hidden entry ends the search.
  const show = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.closest('[hidden]')) return;
    field.value = '';
    filter();
    target.scrollIntoView();
  };

  field.addEventListener('input', filter);
  addEventListener('hashchange', show);
  // A browser keeps the words in the field when the page is loaded again.
  filter();
}

function folded(text) {
  return text.normalize('NFD').replace(/\p{Diacritic}/gu, '').toLowerCase();
}
