// The limits of a fit: a slider for each end, lines in the trade-off, and the table filtered by them.

const bounds = data.limits.map((bound) => ({ ...bound })); // as they stand now; `data.limits` is as they were asked for
const STEPS = 1000;

// True where a record is within every limit as it stands.
const within = (records, i) => bounds.every(({ column, most, least }) => {
  const value = records.all(column)[i];
  return value !== null && (most === null || value <= most) && (least === null || value >= least);
});

function limits(root, records, table) {
  const moved = later(apply);
  const made = bounds.flatMap((bound, k) => ['most', 'least'].filter((end) => bound[end] !== null).map((end) => slider(bound, data.limits[k], end)));
  const back = element('button', { type: 'button', textContent: 'As asked' });
  back.addEventListener('click', () => {
    bounds.forEach((bound, k) => Object.assign(bound, data.limits[k]));
    made.forEach((each) => each.show());
    apply();
  });
  root.querySelector('.sliders').append(...made.map((each) => each.node), back);

  function slider(bound, asked, end) {
    const column = records.byName.get(bound.column);
    const known = [...column.values.filter((v) => v > 0), asked[end]].filter((v) => v > 0);
    const [low, high] = known.length ? [Math.log(Math.min(...known)), Math.log(Math.max(...known))] : [0, 0]; // a limit of 0, of what is unknown
    const place = (value) => Math.max(0, Math.round(STEPS * (Math.log(value) - low) / (high - low || 1)));
    const sign = end === 'most' ? '≤' : '≥';
    const input = element('input', { type: 'range', min: '0', max: String(STEPS), step: '1' });
    const said = element('output');
    const label = `${column.label} ${sign}`;
    input.setAttribute('aria-label', label);
    const show = () => {
      input.value = String(place(bound[end]));
      tell();
    };
    const tell = () => {
      said.textContent = column.sort === 'bytes' ? `${shown(column, bound[end])} ${column.unit}` : si(bound[end]);
      input.setAttribute('aria-valuetext', said.textContent);
    };
    input.addEventListener('input', () => {
      const exact = Math.exp(low + (high - low) * Number(input.value) / STEPS);
      bound[end] = Number(input.value) === place(asked[end]) ? asked[end] : Math.round(exact);
      tell();
      moved();
    });
    show();
    return { show, node: element('label', {}, [element('span', { textContent: label }), input, said]) };
  }

  function apply() {
    for (const { column: name, most, least } of bounds) {
      const column = records.byName.get(name);
      const test = (v) => typeof v === 'number' && (most === null || v <= most) && (least === null || v >= least);
      table.tests.set(`limit ${name}`, { column, words: '', test });
    }
    table.update();
  }
  apply();
}

// Lines where a limit stands on an axis of the trade-off.
function limitLines(nameX, nameY) {
  const line = { color: ink().accent, width: 1.4, dash: 'dash' };
  return bounds.flatMap(({ column, most, least }) => [most, least].filter((v) => v !== null && v > 0).flatMap((v) => [
    ...(column === nameX ? [{ type: 'line', xref: 'x', yref: 'paper', x0: v, x1: v, y0: 0, y1: 1, line }] : []),
    ...(column === nameY ? [{ type: 'line', xref: 'paper', yref: 'y', x0: 0, x1: 1, y0: v, y1: v, line }] : []),
  ]));
}
