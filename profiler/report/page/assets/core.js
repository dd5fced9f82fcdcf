// What every part of the page uses: the data, numbers as text, text that Plotly takes for text, colours of both themes.

const data = JSON.parse(document.getElementById('data').textContent);
const COUNT = new Intl.NumberFormat('en-US');
const DASH = '–';
const SCALES = {
  __proto__: null,
  s: [[1, 's'], [1e-3, 'ms'], [1e-6, 'µs'], [1e-9, 'ns']],
  bytes: [[1024 ** 3, 'GiB'], [1024 ** 2, 'MiB'], [1024, 'KiB'], [1, 'B']],
};

function values(coded, known) {
  if ('same' in coded) return known.find((column) => column.name === coded.same).values;
  if ('all' in coded) return new Array(coded.rows).fill(coded.all);
  if ('words' in coded) return coded.at.map((i) => coded.words[i]);
  return coded.values;
}

// Columns with their values, each with the unit that suits it, so that its numbers line up.
function columnsOf(coded) {
  const made = [];
  for (const column of coded) {
    const own = { ...column, values: values(column, made) };
    made.push({ ...own, ...scaleOf(own) });
  }
  return made;
}

function scaleOf({ sort, name, values: all }) {
  const sizes = all.filter((v) => typeof v === 'number' && v !== 0).map(Math.abs).sort((a, b) => a - b);
  if (sort === 'text' || sort === 'bool') return { factor: 1, unit: '', decimals: 0 };
  if (!sizes.length) return { factor: 1, unit: '', decimals: 0 };
  const middle = sizes[sizes.length >> 1];
  const steps = name === 'macs_per_s' ? [[1e9, 'G']] : SCALES[sort];
  if (steps) {
    const [factor, unit] = steps.find(([step]) => middle >= step) || steps[steps.length - 1];
    const small = sizes[Math.floor(sizes.length / 10)] / factor;
    return { factor, unit, decimals: Math.max(0, Math.min(3, 2 - Math.floor(Math.log10(small)))) };
  }
  if (sort === 'int') return { factor: 1, unit: '', decimals: 0 };
  const places = (v) => (String(Number(v.toPrecision(4))).split('.')[1] || '').replace(/e.*/, '').length;
  return { factor: 1, unit: '', decimals: Math.min(4, Math.max(...sizes.slice(0, 500).map(places))) };
}

const headingOf = (column) => (column.unit ? `${column.label} (${column.unit})` : column.label);
const formats = new Map();

function shown(column, value) {
  if (value === null || value === undefined) return DASH;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'number') return value;
  if (column.sort === 'int' && column.factor === 1) return CALENDAR.has(column.name) ? String(value) : COUNT.format(value);
  const places = column.decimals;
  if (!formats.has(places)) {
    formats.set(places, new Intl.NumberFormat('en-US', { minimumFractionDigits: places, maximumFractionDigits: places }));
  }
  return formats.get(places).format(value / column.factor);
}

const CALENDAR = new Set(['year']); // numbers that nobody groups by thousands

// 568740352 → `569 M`, for ticks and labels.
function si(value) {
  for (const [step, suffix] of [[1e12, ' T'], [1e9, ' G'], [1e6, ' M'], [1e3, ' K']]) {
    if (Math.abs(value) >= step * 0.9995) return Number((value / step).toPrecision(3)) + suffix;
  }
  return String(Number(value.toPrecision(3)));
}

function duration(seconds) {
  const [step, suffix] = SCALES.s.find(([s]) => seconds >= s * 0.9995) || SCALES.s[3];
  return `${Number((seconds / step).toPrecision(3))} ${suffix}`;
}

const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(2)} %` : DASH);

// One line of at most so many letters; a picture cannot isolate text that turns the direction of what follows.
function oneLine(value, most = 60) {
  let flat = String(value).replace(/\s+/g, ' ');
  const letters = Array.from(flat.slice(0, 2 * most + 2));
  if (letters.length > most) flat = `${letters.slice(0, most - 1).join('')}…`;
  if (/[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(flat)) flat = `\u2068${flat}\u2069`;
  return flat;
}

// The same for Plotly, which reads a part of HTML in labels.
function text(value, most = 60) {
  return oneLine(value, most).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function element(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// A labelled choice of several; nothing where there is nothing to choose. Returns a function that says what is chosen.
function choice(parent, label, options, change, start = 0) {
  if (options.length < 2) return () => options[0][0];
  const select = element('select', {}, options.map(([, words], i) => element('option', { value: String(i), textContent: words })));
  select.selectedIndex = start;
  select.addEventListener('change', change);
  parent.append(element('label', {}, [element('span', { textContent: label }), select]));
  return () => options[select.selectedIndex][0];
}

// Colours: all from the program's one palette, which people with colour-blindness can tell apart.

const { series: SERIES, kinds: KINDS, other: OTHER, grades: GRADES, ramps, heats, themes } = bare(data.palette);
const MOST_COLORS = SERIES.length;

// A dictionary that inherits nothing: a kind may be called as anything of an object's own.
function bare(plain) {
  const copied = (each) => (each && typeof each === 'object' && !Array.isArray(each) ? bare(each) : each);
  return Object.assign(Object.create(null), Object.fromEntries(Object.entries(plain).map(([name, each]) => [name, copied(each)])));
}

let printing = false;
const systemDark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => !printing && (document.documentElement.dataset.theme || (systemDark.matches ? 'dark' : 'light')) === 'dark';
const theme = () => (isDark() ? 'dark' : 'light');
const ink = () => themes[theme()];
const inTheme = (color) => ink()[color] || color; // text and grey, of which each theme has its own
const seriesColor = (i) => inTheme(SERIES[i]);
const kindColor = (kind) => inTheme((KINDS[kind] || OTHER)[0]);
const channels = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));

function ramp(share) {
  const stops = ramps[theme()];
  const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(at));
  const [low, high] = [channels(stops[i]), channels(stops[i + 1])];
  return `rgb(${low.map((v, k) => Math.round(v + (at - i) * (high[k] - v))).join(',')})`;
}

// Plots

const CONFIG = {
  displaylogo: false, responsive: true, typesetMath: false, plotlyServerURL: '', showTips: false,
  modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d', 'zoomIn2d', 'zoomOut2d', 'sendChartToCloud'],
  toImageButtonOptions: { format: 'svg', filename: 'profiler' },
};

function draw(node, traces, layout) {
  const colors = ink();
  const axis = {
    gridcolor: colors.line, linecolor: colors.line, zerolinecolor: colors.line, tickcolor: colors.line, automargin: true,
    ticks: 'outside', ticklen: 4, tickfont: { color: colors.soft },
  };
  const whole = {
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', colorway: SERIES.map(inTheme), height: 440,
    font: { family: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif', size: 13, color: colors.text },
    margin: { l: 8, r: 16, t: 16, b: 8 }, hovermode: 'closest', dragmode: 'zoom', modebar: { bgcolor: 'rgba(0,0,0,0)', color: colors.soft, activecolor: colors.text, orientation: 'v' },
    hoverlabel: { align: 'left', bgcolor: colors.surface, bordercolor: colors.soft, font: { color: colors.text, size: 12.5 } },
    legend: { orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', xanchor: 'left', font: { color: colors.text }, bgcolor: 'rgba(0,0,0,0)' },
    ...layout,
    xaxis: titled(axis, layout.xaxis, 10), yaxis: titled(axis, layout.yaxis, 14),
  };
  return Plotly.react(node, traces, whole, CONFIG);
}

const titled = (axis, own, standoff) => ({ ...axis, ...own, title: { text: own?.title?.text || '', standoff, font: { size: 13 } } });

// Ticks of a logarithmic axis at 1, 2 and 5, or at the powers alone where there are many.
function logAxis(all, write) {
  const known = all.filter((v) => v > 0);
  if (!known.length) return { type: 'log', range: [0, 1] };
  const [low, high] = [Math.log10(Math.min(...known)), Math.log10(Math.max(...known))];
  const pad = Math.max(0.04, 0.06 * (high - low));
  const digits = high - low < 0.7 ? [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9] : high - low < 3 ? [1, 2, 5] : [1];
  const tickvals = [];
  for (let power = Math.floor(low - pad); power <= high + pad; power += 1) tickvals.push(...digits.map((d) => d * 10 ** power));
  return { type: 'log', range: [low - pad, high + pad], tickvals, ticktext: tickvals.map(write) };
}
