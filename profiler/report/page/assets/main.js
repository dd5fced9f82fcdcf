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
    new Table(section('records').querySelector('.table'), columns, { name: 'records', rows: records.count, visible: data.shown, change });
  }
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

start();
offer();
document.documentElement.dataset.ready = 'yes';
performance.mark('ready');
