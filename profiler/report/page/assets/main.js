// The page: its parts in the order they stand, both themes, paper. The mark `ready` says that all is drawn.

const drawn = [];
const section = (id) => document.getElementById(id);

function start() {
  const columns = columnsOf(data.records);
  const records = new Records(columns);
  const plot = section('tradeoff') && tradeoff(section('tradeoff'), records, data.shown);
  if (plot) drawn.push(plot);
  if (section('heat')) drawn.push(heat(section('heat'), records));
  if (section('latency')) drawn.push(latencies(section('latency'), records));
  if (section('shares')) drawn.push(shares(section('shares')));
  if (section('roofline')) drawn.push(roofline(section('roofline')));
  if (section('layers')) drawn.push(hierarchy(section('layers')));
  if (section('records')) {
    let first = true; // everything is drawn already
    const change = (order) => {
      if (!first) plot?.filter([...order].sort((a, b) => a - b));
      first = false;
    };
    const table = new Table(section('records').querySelector('.table'), columns, { name: 'records', caption: data.caption, rows: records.count, visible: data.shown, change });
    if (section('limits')) limits(section('limits'), records, table);
  }
}

// Plotly, which the page holds compressed and in base 85; the page's own policy runs it only as it was, by its hash.
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~';
async function inflated() {
  const { textContent: text, dataset } = section('plotly');
  const value = new Uint8Array(128);
  [...DIGITS].forEach((digit, i) => { value[digit.charCodeAt(0)] = i; });
  const bytes = new DataView(new ArrayBuffer(text.length / 5 * 4));
  for (let i = 0, at = 0; i < text.length; at += 4) {
    let word = 0;
    for (let j = 0; j < 5; j++) word = word * 85 + value[text.charCodeAt(i++)];
    bytes.setUint32(at, word);
  }
  const script = document.createElement('script');
  script.textContent = await new Response(new Blob([bytes.buffer.slice(0, dataset.bytes)]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
  document.head.append(script);
}

const repaint = () => drawn.forEach((each) => each.paint());
const button = section('theme');

function offer() {
  button.textContent = isDark() ? 'Light' : 'Dark';
  button.title = `Show the page in ${isDark() ? 'light' : 'dark'}`;
}

function themed() {
  offer();
  repaint();
}

function paper(on) {
  if (printing === on) return;
  printing = on;
  Table.open.forEach((table) => table.window());
  repaint();
}

button.addEventListener('click', () => {
  document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
  themed();
});
systemDark.addEventListener('change', themed);
addEventListener('beforeprint', () => paper(true));
addEventListener('afterprint', () => paper(false));
matchMedia('print').addEventListener('change', (event) => paper(event.matches));

async function whenInflated() {
  if (section('plotly')) await inflated();
  start();
  offer();
  document.documentElement.dataset.ready = 'yes';
  performance.mark('ready');
}

if (!section('plotly') || window.DecompressionStream) whenInflated();
else section('main').prepend(element('p', { className: 'warnings', textContent: 'This browser is too old to draw the plots and tables of this page; open it with one from 2024 or later.' }));
