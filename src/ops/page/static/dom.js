/** Building elements. All text goes in as text, so that nothing that a device sent can become markup. */

/** @param parts texts and elements; null and undefined are left out */
export function element(name, attributes = {}, ...parts) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(key, String(value));
  }
  made.append(...parts.filter((part) => part !== undefined && part !== null));
  return made;
}

export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`BUG: the page has no element "${id}"`);
  return found;
}

/** Writes only what is new: a screen reader and a selection are not disturbed for nothing. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * A table in a box that scrolls by itself.
 *
 * @param columns `{ title, number? }`
 * @param rows arrays of cells: a text or an element; the first cell heads its row
 */
export function table(label, columns, rows) {
  const cell = (name, column, content, attributes = {}) =>
    element(name, { class: column.number ? 'number' : 'text', ...attributes }, content);
  const head = element('tr', {}, ...columns.map((column) => cell('th', column, column.title, { scope: 'col' })));
  const body = rows.map((cells) =>
    element(
      'tr',
      {},
      ...cells.map((content, position) =>
        position === 0 ? cell('th', columns[0], content, { scope: 'row' }) : cell('td', columns[position], content),
      ),
    ),
  );
  const made = element('table', { 'aria-label': label }, element('thead', {}, head), element('tbody', {}, ...body));
  // Only what may be wider than a phone must be reachable to be scrolled by the keyboard.
  const reach = columns.length > 3 ? { tabindex: '0', role: 'region', 'aria-label': label } : {};
  return element('div', { class: 'scroll', ...reach }, made);
}

export function empty(text) {
  return element('p', { class: 'empty' }, text);
}

export function failed(text) {
  return element('p', { class: 'problem' }, text);
}

/** Replaces the content when it differs, and keeps the keyboard where it was. */
export function show(target, ...content) {
  const next = element('div', {}, ...content);
  if (next.innerHTML === target.innerHTML) return;
  const focused = target.contains(document.activeElement) ? document.activeElement.getAttribute('data-key') : null;
  target.replaceChildren(...next.childNodes);
  if (focused !== null) target.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
