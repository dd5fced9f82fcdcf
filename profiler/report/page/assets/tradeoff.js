// Accuracy or latency against what it costs (MobileNets, Figures 4 and 5), and a sweep as a map of two axes, as α and the side.

const UP = new Set(['top1', 'images_per_second']); // more is better; of everything else, less
const HOLLOW = 'diamond-open'; // a predicted point
const FEWEST = 3; // points that make a plot
const ERRORS = { __proto__: null, latency_s: ['latency_low_s', 'latency_high_s'], predicted_s: ['predicted_low_s', 'predicted_high_s'] };
const SETTINGS = ['options', 'input', 'batch', 'device', 'threads', 'dtype', 'memory_format', 'compile', 'mode', 'optimizer'];

class Records {
  constructor(columns) {
    this.columns = columns;
    this.byName = new Map(columns.map((column) => [column.name, column]));
    this.count = columns.length ? columns[0].values.length : 0;
    const whole = this.byName.get('options');
    if (data.rest) this.byName.set('options', { ...whole, values: values(data.rest, []) }); // those that are axes stand by themselves
    // a label tells the options too
    const labelled = this.all('label').some((label) => label !== null);
    this.names = this.all(labelled ? 'label' : 'model');
    const varied = SETTINGS.filter((name) => this.varies(name) && !(name === 'input' && this.sideTellsInput()));
    this.series = this.names.map((model, i) => [model, ...varied.map((name) => (name === 'options' && labelled ? '' : this.told(name, i)))].filter((part) => part !== '').join(', '));
    if (whole) this.byName.set('options', whole);
    this.models = [...new Set(this.series)];
  }

  all(name) { return this.byName.get(name)?.values || new Array(this.count).fill(null); }
  // What is drawn of a column: where a latency was not measured, the predicted one.
  drawn(name) {
    const values = this.all(name);
    return name === 'latency_s' ? values.map((value, i) => value ?? this.all('predicted_s')[i]) : values;
  }

  // True where what is drawn was predicted.
  guessed(name, i) { return name === 'predicted_s' || (name === 'latency_s' && this.all(name)[i] === null && this.all('predicted_s')[i] !== null); }
  // True where records of one network and side have one input.
  sideTellsInput() {
    const [models, sides, inputs] = [this.names, this.all('resolution'), this.all('input')];
    const seen = new Map();
    return inputs.every((input, i) => {
      const key = JSON.stringify([models[i], sides[i]]);
      if (!seen.has(key)) seen.set(key, input);
      return seen.get(key) === input;
    });
  }

  varies(name) { return new Set(this.all(name)).size > 1; }

  told(name, i) {
    const value = this.all(name)[i];
    if (value === null || value === '') return '';
    return typeof value === 'number' || typeof value === 'boolean' ? `${name.replace('_', ' ')} ${value}` : String(value);
  }

  // The series and the point of it: what tells a record from the others.
  label(i) {
    const place = ['alpha', ...data.over, 'resolution'].filter((name) => this.varies(name) && this.all(name)[i] !== null);
    const at = place.map((name) => (name === 'resolution' ? '' : `${this.byName.get(name).label} `) + this.all(name)[i]);
    return (this.models.length > 1 || !at.length ? [this.series[i], ...at] : at).join(', ');
  }

  told_all(i, names) {
    const lines = names.filter((name) => this.all(name)[i] !== null && this.all(name)[i] !== '').map((name) => {
      const column = this.byName.get(name);
      return `${text(column.label)}  <b>${text(shown(column, column.values[i]), 80)}${column.unit ? ` ${column.unit}` : ''}</b>`;
    });
    return lines.join('<br>');
  }
}

// Positions than which no other is better in both: an improvement of one quantity costs the other.
function pareto(points, upX, upY) {
  const sorted = [...points].sort((a, b) => (upX ? b.x - a.x : a.x - b.x) || (upY ? b.y - a.y : a.y - b.y));
  const front = [];
  for (const point of sorted) {
    const best = front[front.length - 1];
    if (!best || (upY ? point.y > best.y : point.y < best.y)) front.push(point);
  }
  return front;
}

const better = (name, column) => `${UP.has(name) ? 'higher' : 'lower'} ${column.label.replace(' %', '')}`;

// The first of what is most telling that enough records have both values of; top-1 is published for few cells of many.
function opening(names, records) {
  const both = (a, b) => records.drawn(a).filter((value, i) => value !== null && records.drawn(b)[i] !== null).length;
  const widths = ['latency_s', 'predicted_s', 'macs'].filter((name) => names.includes(name));
  for (const height of names) {
    const width = widths.find((name) => name !== height && both(height, name) >= FEWEST);
    if (width) return [names.indexOf(height), names.indexOf(width)];
  }
  return [0, 1];
}

function axisOf(name, column, all, records) {
  const write = column.sort === 's' ? duration : si;
  if (name === 'top1') return { title: { text: records.all('top1_source').includes('given') ? 'top-1, published or given, %' : 'published top-1, %' }, range: extent(all) };
  return { title: { text: `${text(column.label)}, log` }, ...logAxis(all, write) };
}

function tradeoff(root, records, visible) {
  const node = root.querySelector('.plot');
  const choices = root.querySelector('.choices');
  const known = data.axes.map((name) => [name, headingPlain(records.byName.get(name))]);
  let shades = []; // what colours stand for, in their order
  let kept = Array.from({ length: records.count }, (_, i) => i);
  const names = data.axes;
  const [startY, startX] = opening(names, records);
  const y = choice(choices, 'height', known, () => paint(), startY);
  const x = choice(choices, 'width', known, () => paint(), startX);
  const [first, second] = data.map;
  const word = (name) => records.byName.get(name).label;
  const families = first
    ? [[second, `of one ${word(second)}, ${word(first)} varies`], [first, `of one ${word(first)}, ${word(second)} varies`], ['', 'none']]
    : records.models.length < records.count ? [['-', 'of one network'], ['', 'none']] : [['', 'none']];
  const family = choice(choices, 'lines', families, () => paint());

  function paint() {
    const [nameX, nameY] = [x(), y()];
    const [columnX, columnY] = [records.byName.get(nameX), records.byName.get(nameY)];
    const [valuesX, valuesY] = [records.drawn(nameX), records.drawn(nameY)];
    const points = kept.map((i) => ({ i, x: valuesX[i], y: valuesY[i], guessed: records.guessed(nameX, i) || records.guessed(nameY, i) })).filter((p) => p.x !== null && p.y !== null && (p.x > 0 || nameX === 'top1') && (p.y > 0 || nameY === 'top1'));
    // a fit shows all that was looked at, so that its axes stay where they are while a limit moves
    const seen = (bounds.length ? valuesX.map((_, i) => i) : points.map((p) => p.i)).filter((i) => valuesX[i] !== null && valuesY[i] !== null);
    shades = [...new Set(points.map((p) => colorKey(p.i, family())))].sort(inOrder);
    const traces = [...outside(nameX, nameY), ...lines(points, family()), ...front(points, nameX, nameY)];
    const size = points.length > 600 ? 5 : points.length > 80 ? 7 : 10;
    traces.push(...dots(points, family(), size, nameX, nameY), ...predictedMark(points, size));
    const few = records.models.length > 1 && points.length <= 40 && records.models.length === records.count;
    const spanned = (name, all) => [...seen.map((i) => all[i]), ...intervals(points, name)];
    const axes = { xaxis: axisOf(nameX, columnX, spanned(nameX, valuesX), records), yaxis: axisOf(nameY, columnY, spanned(nameY, valuesY), records) };
    const legend = traces.some((trace) => trace.showlegend);
    // margins that need no fitting spare thousands of points a second drawing
    const margin = points.length > 1000 ? { margin: { l: 72, r: 84, t: 36, b: 52, autoexpand: false } } : {};
    draw(node, traces, { ...axes, ...margin, height: 500, showlegend: legend, shapes: limitLines(nameX, nameY), annotations: few && points.length ? labels(points, axes, node) : [] });
    const missing = kept.length - points.length;
    root.querySelector('figcaption').textContent = [
      missing ? `Not drawn, since one of the two is not known: ${COUNT.format(missing)} of ${COUNT.format(kept.length)} records.` : '',
      nameX !== nameY && points.length > 1 ? `Pareto front: no other point is better in both, with ${better(nameY, columnY)} and ${better(nameX, columnX)}.` : '',
      points.some((p) => p.guessed) ? `Predicted latencies are hollow, with their 95 % intervals${points.some((p) => !p.guessed) ? '; the front is of what was measured' : ''}.` : '',
      bounds.length ? 'Grey: outside the limits, or filtered out of the table below.' : kept.length < records.count ? 'The filter of the table below holds here too.' : '',
    ].filter(Boolean).join(' ');
  }

  const along = (how) => (how === first && first ? second : how === second && second ? first : ['alpha', ...data.over].find((name) => records.varies(name)) || 'resolution');
  const colorKey = (i, how) => (records.models.length > 1 || !data.map.includes(how) ? records.series[i] : records.all(how)[i]);

  function lines(points, how) {
    if (!how) return [];
    const groups = new Map();
    for (const point of points) {
      const key = `${records.series[point.i]}\n${how === '-' ? '' : records.all(how)[point.i]}`;
      groups.set(key, [...(groups.get(key) || []), point]);
    }
    const by = records.all(along(how));
    const [xs, ys] = [[], []];
    const made = [];
    const many = new Set(points.map((point) => colorKey(point.i, how))).size > MOST_COLORS;
    for (const group of groups.values()) {
      if (group.length < 2) continue;
      group.sort((a, b) => inOrder(by[a.i], by[b.i]));
      if (many) {
        xs.push(...group.map((p) => p.x), null);
        ys.push(...group.map((p) => p.y), null);
      } else {
        made.push({ type: 'scatter', mode: 'lines', x: group.map((p) => p.x), y: group.map((p) => p.y), hoverinfo: 'skip', showlegend: false, opacity: 0.55, line: { width: 1.6, color: colorOf(colorKey(group[0].i, how), how) } });
      }
    }
    if (xs.length) made.push({ type: 'scatter', mode: 'lines', x: xs, y: ys, hoverinfo: 'skip', showlegend: false, opacity: 0.4, line: { width: 1, color: ink().soft } });
    return made;
  }

  // Of a fit, what is outside the limits stays in sight.
  function outside(nameX, nameY) {
    if (!bounds.length) return [];
    const inside = new Set(kept);
    const [xs, ys] = [records.drawn(nameX), records.drawn(nameY)];
    const drawn = xs.map((_, i) => i).filter((i) => !inside.has(i) && xs[i] !== null && ys[i] !== null && (xs[i] > 0 || nameX === 'top1') && (ys[i] > 0 || nameY === 'top1'));
    return [{ type: 'scatter', mode: 'markers', x: drawn.map((i) => xs[i]), y: drawn.map((i) => ys[i]), hoverinfo: 'text', hovertext: drawn.map((i) => text(records.label(i))), showlegend: false, marker: { size: 6, color: ink().soft, opacity: 0.35 } }];
  }

  function colorOf(key, how) {
    if (records.models.length > 1) return records.models.length > MOST_COLORS || records.models.length === records.count ? ink().accent : seriesColor(records.models.indexOf(key));
    if (!data.map.includes(how)) return ink().accent;
    return ramp(shades.length > 1 ? shades.indexOf(key) / (shades.length - 1) : 0);
  }

  function front(points, nameX, nameY) {
    if (nameX === nameY) return [];
    const measured = points.filter((p) => !p.guessed);
    const best = pareto(measured.length ? measured : points, UP.has(nameX), UP.has(nameY));
    if (points.length < 2) return [];
    return [{ type: 'scatter', mode: 'lines+markers', name: 'Pareto front', showlegend: true, x: best.map((p) => p.x), y: best.map((p) => p.y), hoverinfo: 'skip', line: { color: ink().text, width: 1.2, dash: 'dot', shape: 'hv' }, marker: { symbol: 'circle-open', size: points.length > 600 ? 8 : 15, color: ink().text, line: { width: 1.1 } } }];
  }

  function dots(points, how, size, nameX, nameY) {
    const groups = new Map();
    for (const point of points) {
      const key = colorKey(point.i, how);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(point);
    }
    const names = [...new Set([...visible, nameX, nameY])].filter((name) => records.byName.has(name));
    const base = (some) => ({
      type: 'scatter', mode: 'markers', x: some.map((p) => p.x), y: some.map((p) => p.y), hoverinfo: 'text',
      hovertext: some.map((p) => records.told_all(p.i, names)), ...errors('error_x', some, nameX), ...errors('error_y', some, nameY),
    });
    const symbols = (some) => (some.some((p) => p.guessed) ? { symbol: some.map((p) => (p.guessed ? HOLLOW : 'circle')) } : {});
    const marker = (color, some) => ({ size, color, ...symbols(some), line: { width: size > 6 ? (some.some((p) => p.guessed) ? some.map((p) => (p.guessed ? 2 : 0.8)) : 0.8) : 0, color: ink().text } });
    const single = records.models.length === 1;
    const all = points.map((p) => records.all(how)[p.i]);
    if (groups.size > MOST_COLORS && single && all.every((value) => typeof value === 'number')) {
      const scale = ramps[theme()].map((color, i, all) => [i / (all.length - 1), color]);
      const bar = { title: { text: text(word(how)), side: 'top' }, thickness: 10, len: 0.6, outlinewidth: 0, tickfont: { color: ink().soft } };
      return [{ ...base(points), showlegend: false, marker: { ...marker(all, points), colorscale: scale, colorbar: bar } }];
    }
    const legend = groups.size > 1 && groups.size <= MOST_COLORS && records.models.length !== records.count;
    const order = [...groups.keys()].sort((a, b) => (typeof a === 'number' ? b - a : 0));
    return order.map((key) => ({ ...base(groups.get(key)), showlegend: legend, name: single && data.map.includes(how) ? text(`${word(how)} ${key}`) : text(key), marker: marker(colorOf(key, how), groups.get(key)) }));
  }

  // What the hollow points are, in the legend alone.
  function predictedMark(points, size) {
    if (!points.some((p) => p.guessed)) return [];
    return [{ type: 'scatter', mode: 'markers', name: 'predicted', showlegend: true, x: [null], y: [null], hoverinfo: 'skip', marker: { symbol: HOLLOW, size, color: ink().text, line: { width: 2 } } }];
  }

  // The ends of the interval of each point, where the column has intervals and few enough points to draw them.
  const ends = (points, name) => (ERRORS[name] && points.length <= 600 ? ERRORS[name].map((end, k) => points.map(({ i }) => records.all(records.guessed(name, i) ? ERRORS.predicted_s[k] : end)[i])) : []);
  // Those of predictions, which are long: an axis holds them.
  const intervals = (points, name) => ends(points.filter(({ i }) => records.guessed(name, i)), name).flat().filter((v) => v !== null);

  function errors(side, points, name) {
    const [low, high] = ends(points, name);
    if (!low) return {};
    const center = records.drawn(name);
    return { [side]: { type: 'data', symmetric: false, array: points.map((p, k) => high[k] - center[p.i]), arrayminus: points.map((p, k) => center[p.i] - low[k]), thickness: 1.2, width: 3 } };
  }

  // A name at each point, on the first side where it covers no other; where there is none, hovering tells.
  function labels(points, { xaxis, yaxis }, node) {
    const [wide, high] = [node.clientWidth - 75, 400];
    const coordinate = (axis, v) => (axis.type === 'log' ? Math.log10(v) : v);
    const place = (axis, v) => (coordinate(axis, v) - axis.range[0]) / (axis.range[1] - axis.range[0]);
    const taken = points.map((p) => [place(xaxis, p.x) * wide - 8, (1 - place(yaxis, p.y)) * high - 8, 16, 16]);
    const made = [];
    points.forEach((p, k) => {
      const words = text(records.series[p.i], 28);
      const width = Array.from(records.series[p.i]).slice(0, 28).length * 7 + 4;
      const [left, top] = taken[k];
      const spots = [[20, 0, 'left', 10, 0], [-4 - width, 0, 'right', -10, 0], [8 - width / 2, -18, 'center', 0, 16], [8 - width / 2, 18, 'center', 0, -16]];
      const free = spots.slice(0, wide < 500 ? 2 : 4).find(([dx, dy]) => {
        const box = [left + dx, top + dy, width, 15];
        return box[0] > 0 && box[0] + width < wide + 20 && taken.every((other, j) => j === k || box[0] > other[0] + other[2] || box[0] + box[2] < other[0] || box[1] > other[1] + other[3] || box[1] + box[3] < other[1]);
      });
      if (!free) return;
      taken.push([left + free[0], top + free[1], width, 15]);
      made.push({ x: coordinate(xaxis, p.x), y: coordinate(yaxis, p.y), text: words, showarrow: false, xanchor: free[2], xshift: free[3], yshift: free[4], font: { size: 12, color: ink().soft } });
    });
    return made;
  }

  paint();
  return { paint, filter: (order) => { kept = order; paint(); } };
}

// Numbers from the least on; words stay in the order that they came in.
const inOrder = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : 0);
const headingPlain = (column) => column.label;
const extent = (all) => { const [a, b] = [Math.min(...all), Math.max(...all)]; return [a - 0.05 * (b - a || 1), b + 0.05 * (b - a || 1)]; };

function heat(root, records) {
  const node = root.querySelector('.plot');
  const choices = root.querySelector('.choices');
  const [first, second] = data.map;
  const word = (name) => records.byName.get(name).label;
  const measures = ['macs', 'top1', 'latency_s', 'predicted_s', 'params', 'activations', 'images_per_second'].filter((name) => records.byName.has(name) && records.drawn(name).some((v) => v !== null) && !(name === 'predicted_s' && records.byName.has('latency_s')));
  const others = ['alpha', ...data.over, 'resolution'].filter((name) => !data.map.includes(name) && records.varies(name));
  const groups = records.series.map((each, i) => [each, ...others.map((name) => `${word(name)} ${records.all(name)[i]}`)].join(', '));
  const series = choice(choices, 'network', [...new Set(groups)].map((name) => [name, Array.from(name).slice(0, 60).join('')]), () => paint());
  const measure = choice(choices, 'shade', measures.map((name) => [name, records.byName.get(name).label]), () => paint());

  function paint() {
    const name = measure();
    const column = records.byName.get(name);
    const own = groups.map((each, i) => (each === series() ? i : -1)).filter((i) => i >= 0);
    const [across, up] = data.map.map((axis) => [...new Set(own.map((i) => records.all(axis)[i]))].filter((v) => v !== null).sort(inOrder));
    const cell = () => up.map(() => across.map(() => null));
    const [shade, said, over] = [cell(), cell(), cell()];
    for (const i of own) {
      const [row, at] = [up.indexOf(records.all(second)[i]), across.indexOf(records.all(first)[i])];
      const value = records.drawn(name)[i];
      const about = records.guessed(name, i) ? '≈ ' : '';
      if (row < 0 || at < 0 || value === null) continue;
      shade[row][at] = name === 'top1' || value <= 0 ? value : Math.log10(value);
      said[row][at] = name === 'top1' ? value.toFixed(1) : column.sort === 's' ? about + duration(value) : si(value);
      const heading = about ? records.byName.get('predicted_s').label : column.label;
      over[row][at] = `${text(`${word(first)} ${across[at]}, ${word(second)} ${up[row]}`)}<br>${text(heading)}  <b>${text(column.sort === 's' ? about + duration(value) : shown(column, value) + (column.unit ? ` ${column.unit}` : ''))}</b>`;
    }
    const few = across.length * up.length <= 130 && across.length * 62 < node.clientWidth;
    const scale = heats[theme()].map((color, i, all) => [i / (all.length - 1), color]);
    const ticks = (all) => { const step = Math.ceil(all.length / 16); const at = all.map((_, i) => i).filter((i) => i % step === 0); return { tickvals: at, ticktext: at.map((i) => text(String(all[i]), 24)) }; };
    const trace = { type: 'heatmap', z: shade, text: few ? said : undefined, texttemplate: few ? '%{text}' : undefined, hovertext: over, hoverinfo: 'text', hoverongaps: false, colorscale: scale, showscale: false, xgap: few ? 3 : 0, ygap: few ? 3 : 0, x: across.map((_, i) => i), y: up.map((_, i) => i) };
    draw(node, [trace], { height: Math.min(640, 110 + up.length * (few ? 44 : 12)), xaxis: { title: { text: text(word(first)) }, showgrid: false, zeroline: false, ...ticks(across) }, yaxis: { title: { text: text(word(second)) }, showgrid: false, zeroline: false, ...ticks(up) } });
    root.querySelector('figcaption').textContent = `${column.label}${name === 'top1' ? '' : ', shaded by its logarithm'}${own.some((i) => records.guessed(name, i)) ? '; ≈ is predicted' : ''}${few ? '' : '; hovering tells the value'}.`;
  }

  paint();
  return { paint };
}
