// A table of any length: sorted by a click or a key, filtered by words and numbers, only the rows in view in the document.

const SUFFIXES = { __proto__: null, k: 1e3, m: 1e6, g: 1e9, t: 1e12, '%': 1 };
const UNITS = { __proto__: null, s: 1, ms: 1e-3, us: 1e-6, 'µs': 1e-6, ns: 1e-9, b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };

// `600M`, `20 ms` or a plain number in the column's own unit → its value, and how exactly it is meant.
function number(words, column) {
  const found = /^(-?[\d_,]*\.?\d+(?:e[+-]?\d+)?)\s*([a-zµ%]*)$/i.exec(words.trim());
  if (!found) return null;
  const digits = found[1].replace(/[,_]/g, '');
  const suffix = found[2].toLowerCase();
  const known = column.sort === 's' || column.sort === 'bytes' ? UNITS : SUFFIXES;
  if (suffix && !(suffix in known)) return null;
  const step = suffix ? known[suffix] : column.factor;
  const last = 10 ** -((digits.split('.')[1] || '').replace(/e.*/i, '').length) * step;
  return { value: Number(digits) * step, slack: suffix || column.factor !== 1 || column.decimals ? last / 2 : 0 };
}

// `<600M`, `>=0.5`, `3..5`, `=224` → a test of one value; null where it says nothing of the kind.
function numericTest(words, column) {
  const range = words.split('..');
  if (range.length === 2) {
    const [low, high] = range.map((end) => (end.trim() ? number(end, column) : undefined));
    if (low === null || high === null || (!low && !high)) return null;
    return (v) => (!low || v >= low.value) && (!high || v <= high.value);
  }
  const found = /^(<=|>=|≤|≥|!=|<|>|=)?(.*)$/.exec(words.trim());
  const bound = number(found[2], column);
  if (!bound) return null;
  const near = (v) => Math.abs(v - bound.value) <= bound.slack;
  return {
    '<': (v) => v < bound.value, '>': (v) => v > bound.value, '<=': (v) => v <= bound.value, '≤': (v) => v <= bound.value,
    '>=': (v) => v >= bound.value, '≥': (v) => v >= bound.value, '!=': (v) => !near(v), '=': near,
  }[found[1] || '='];
}

const isNumeric = (column) => column.sort !== 'text' && column.sort !== 'bool';
const MOST_PRINTED = 500;
let tables = 0;

class Table {
  static open = new Map(); // what stands where

  constructor(root, columns, { visible, name, caption, rows, change = () => {} }) {
    Object.assign(this, { root, columns, name, caption, change, count: rows, visible: new Set(visible), tests: new Map(), words: [] });
    this.sorted = null;
    this.order = Array.from({ length: rows }, (_, i) => i);
    this.id = `table${(tables += 1)}`;
    Table.open.set(root, this);
    this.build();
    this.layout();
    this.update();
  }

  build() {
    const search = element('input', { type: 'search', placeholder: 'Filter by words', 'ariaLabel': `Filter ${this.name} by words` });
    search.addEventListener('input', later(() => {
      this.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.update();
    }));
    this.status = element('span', { className: 'status' });
    this.status.setAttribute('role', 'status');
    const button = (words, act) => {
      const made = element('button', { type: 'button', textContent: words });
      made.addEventListener('click', act);
      return made;
    };
    const copy = button('Copy CSV', async () => {
      const done = await copied(this.csv());
      copy.textContent = done ? 'Copied' : 'Not copied';
      setTimeout(() => { copy.textContent = 'Copy CSV'; }, 1500);
    });
    const chosen = element('details', { className: 'columns' }, [element('summary', { textContent: 'Columns' })]);
    chosen.append(element('div', {}, this.columns.map((column) => {
      const box = element('input', { type: 'checkbox', checked: this.visible.has(column.name) });
      box.addEventListener('change', () => {
        this.visible[box.checked ? 'add' : 'delete'](column.name);
        this.layout();
        this.update();
      });
      return element('label', {}, [box, element('span', { textContent: column.label })]);
    })));
    chosen.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !chosen.open) return;
      chosen.open = false;
      chosen.firstChild.focus();
    });
    const tools = [search, this.status, chosen, copy, button('Download CSV', () => this.download())];
    this.table = element('table', { className: 'records' });
    this.view = element('div', { className: 'scroll view', tabIndex: 0 }, [this.table]);
    this.view.setAttribute('role', 'group');
    this.view.setAttribute('aria-label', this.name);
    this.view.addEventListener('scroll', () => requestAnimationFrame(() => this.window()), { passive: true });
    this.hint = element('p', { className: 'note hint', id: this.id });
    this.hint.textContent = 'Filters of numbers: <600M, >=0.5, 3..5, 224. Plain numbers are in the unit of the heading. A click on a heading sorts.';
    this.root.replaceChildren(element('div', { className: 'tools' }, tools), this.view, this.hint);
  }

  // Headings and filters, and widths that do not change while rows come and go.
  layout() {
    this.shown = this.columns.filter((column) => this.visible.has(column.name));
    const widths = this.shown.map((column) => {
      const longest = column.values.reduce((most, v) => Math.max(most, isNumeric(column) ? Math.abs(v) || 0 : String(v ?? '').length), 0);
      const content = isNumeric(column) ? shown(column, longest).length : longest;
      return Math.min(44, Math.max(content, headingOf(column).length + 2, 7)) + 4;
    });
    const heads = this.shown.map((column) => {
      const press = element('button', { type: 'button', textContent: headingOf(column) });
      press.addEventListener('click', () => this.sort(column));
      const head = element('th', { scope: 'col', className: isNumeric(column) ? 'n' : '' }, [press]);
      head.dataset.name = column.name;
      return head;
    });
    const filters = this.shown.map((column) => {
      const field = element('input', { type: 'text', placeholder: isNumeric(column) ? '<, >, a..b' : 'contains', value: this.tests.get(column.name)?.words || '' });
      field.setAttribute('aria-label', `Filter ${column.label}`);
      field.setAttribute('aria-describedby', this.id);
      field.spellcheck = false;
      field.addEventListener('input', later(() => this.filter(column, field)));
      return element('td', { className: isNumeric(column) ? 'n' : '' }, [field]);
    });
    const columns = element('colgroup', {}, widths.map((width) => { const made = element('col'); made.style.width = `${width}ch`; return made; }));
    const head = element('thead', {}, [element('tr', {}, heads), element('tr', { className: 'filters' }, filters)]);
    this.body = element('tbody');
    this.table.replaceChildren(element('caption', { className: 'unseen', textContent: this.caption }), columns, head, this.body);
    this.table.style.minWidth = `${widths.reduce((a, b) => a + b, 0)}ch`;
    this.heads = heads;
    this.mark();
  }

  filter(column, field) {
    const words = field.value.trim();
    const low = words.toLowerCase();
    const numeric = isNumeric(column);
    const test = !words ? undefined : numeric ? numericTest(words, column) : (v) => shown(column, v).toLowerCase().includes(low);
    field.setAttribute('aria-invalid', String(test === null));
    if (test) this.tests.set(column.name, { column, words, test: numeric ? (v) => typeof v === 'number' && test(v) : test });
    else this.tests.delete(column.name);
    this.update();
  }

  sort(column) {
    const { name, down } = this.sorted || {};
    this.sorted = name !== column.name ? { name: column.name, down: false } : down ? null : { name, down: true };
    this.mark();
    this.update();
  }

  mark() {
    for (const head of this.heads) {
      const own = this.sorted?.name === head.dataset.name;
      head.setAttribute('aria-sort', own ? (this.sorted.down ? 'descending' : 'ascending') : 'none');
    }
  }

  haystack(i) {
    this.hay ??= new Array(this.count);
    this.hay[i] ??= this.columns.map((column) => shown(column, column.values[i])).join('\n').toLowerCase();
    return this.hay[i];
  }

  update() {
    const tests = [...this.tests.values()];
    const kept = [];
    for (let i = 0; i < this.count; i += 1) {
      if (tests.every(({ column, test }) => test(column.values[i])) && this.words.every((word) => this.haystack(i).includes(word))) kept.push(i);
    }
    if (this.sorted) {
      const { values: all } = this.columns.find((column) => column.name === this.sorted.name);
      const sign = this.sorted.down ? -1 : 1;
      kept.sort((i, j) => {
        const [a, b] = [all[i] ?? null, all[j] ?? null];
        if (a === null || b === null) return (a === null) - (b === null) || i - j;
        return sign * (typeof a === 'string' ? a.localeCompare(b, 'en', { numeric: true }) : a - b) || i - j;
      });
    }
    this.order = kept;
    this.status.textContent = kept.length === this.count ? `${COUNT.format(this.count)} ${this.count === 1 ? 'row' : 'rows'}` : `${COUNT.format(kept.length)} of ${COUNT.format(this.count)} rows`;
    this.table.setAttribute('aria-rowcount', String(kept.length + 2));
    this.view.scrollTop = 0;
    this.from = -1;
    this.window();
    this.change(kept);
  }

  // The rows in view and some around them; empty rows as high as the others stand for the rest.
  window() {
    const high = this.high || 30;
    const first = Math.max(0, Math.floor(this.view.scrollTop / high) - 20);
    const from = printing ? 0 : first - (first % 2);
    if (from === this.from && !printing) return;
    this.from = from;
    const until = Math.min(this.order.length, printing ? MOST_PRINTED : from + 80);
    const rows = this.order.slice(from, until).map((i, k) => {
      const cells = this.shown.map((column) => element('td', { className: isNumeric(column) ? 'n' : '' }, [element('bdi', { textContent: shown(column, column.values[i]) })]));
      const row = element('tr', {}, cells);
      row.setAttribute('aria-rowindex', String(from + k + 3));
      return row;
    });
    const space = (count) => {
      const made = element('tr', { className: 'space' }, [element('td', { colSpan: Math.max(1, this.shown.length) })]);
      made.setAttribute('aria-hidden', 'true');
      made.firstChild.style.height = `${count * high}px`;
      return made;
    };
    const after = printing ? 0 : this.order.length - until;
    this.body.replaceChildren(...(from ? [space(from)] : []), ...rows, ...(after ? [space(after)] : []));
    this.high ??= rows[0]?.getBoundingClientRect().height || undefined;
    const cut = printing && this.order.length > until;
    this.root.dataset.cut = cut ? `The first ${COUNT.format(until)} of ${COUNT.format(this.order.length)} rows.` : '';
  }

  // The rows that are shown, in their order, every column, nothing rounded.
  csv() {
    const cell = (value) => {
      const words = value === null || value === undefined ? '' : String(value);
      const plain = typeof value === 'string' && /^[=+\-@\t\r\n]/.test(words) ? `'${words}` : words; // text, and no formula of a spreadsheet
      return /[",\n\r]/.test(plain) ? `"${plain.replace(/"/g, '""')}"` : plain;
    };
    const lines = [this.columns.map((column) => cell(column.name)).join(',')];
    for (const i of this.order) lines.push(this.columns.map((column) => cell(column.values[i])).join(','));
    return `${lines.join('\n')}\n`;
  }

  download() {
    const url = URL.createObjectURL(new Blob([this.csv()], { type: 'text/csv' }));
    element('a', { href: url, download: `${this.name}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

function later(act) {
  let waiting;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(act, 120);
  };
}

async function copied(words) {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    const field = element('textarea', { value: words });
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}
