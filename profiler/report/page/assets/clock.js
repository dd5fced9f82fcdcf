// What the clock said: each cell's latency with its rounds, and layers against the roofs of the device.

function latencies(root, records) {
  const [left, right] = root.querySelectorAll('.plot');
  const cells = data.rounds.map((rounds, i) => ({ i, rounds })).filter(({ i, rounds }) => rounds.length && records.all('latency_s')[i] !== null);
  const column = records.byName.get('latency_s');
  const at = cells.map((_, k) => k);
  const of = (name) => cells.map(({ i }) => records.all(name)[i]);
  const jitter = (j) => 0.26 * (((j * 0.618034) % 1) - 0.5) * 2; // evenly spread, the same on every opening

  function paint() {
    const scaled = (all) => all.map((v) => v / column.factor);
    const [mid, low, high, grade] = ['latency_s', 'latency_low_s', 'latency_high_s', 'grade'].map(of);
    const said = cells.map(({ i, rounds }, k) => [
      text(records.label(i), 80),
      `<b>${duration(mid[k])}</b>  ${duration(low[k])} – ${duration(high[k])}`,
      `grade ${text(grade[k])}, ${rounds.length} rounds`,
      text(records.all('reason')[i] || '', 90),
    ].join('<br>'));
    const colors = grade.map((letter) => (GRADES[letter] ? inTheme(GRADES[letter]) : ink().soft));
    const axis = { tickvals: at, ticktext: cells.map(({ i }) => text(records.label(i), 30)), range: [cells.length - 0.5, -0.5], showgrid: false, zeroline: false, tickfont: { color: ink().text } };
    const shape = { height: 80 + cells.length * (cells.length > 24 ? 22 : cells.length > 3 ? 38 : 60), showlegend: false, yaxis: axis };
    const dots = (write) => ({ type: 'scatter', mode: 'markers', hoverinfo: 'skip', x: cells.flatMap(({ rounds }, k) => rounds.map((v) => write(v, k))), y: cells.flatMap(({ rounds }, k) => rounds.map((_, j) => k + jitter(j))), marker: { size: 3.5, color: ink().soft, opacity: 0.45 } });
    const bars = { type: 'bar', orientation: 'h', y: at, x: scaled(mid), marker: { color: colors, opacity: 0.32 }, hoverinfo: 'text', hovertext: said, width: 0.62 };
    const whisker = (x, plus, minus) => ({ type: 'scatter', mode: 'markers', y: at, x, marker: { size: 9, color: colors, symbol: 'diamond', line: { width: 1, color: ink().surface } }, error_x: { type: 'data', symmetric: false, array: plus, arrayminus: minus, thickness: 2.4, width: 6, color: ink().text }, hoverinfo: 'text', hovertext: said });
    const words = cells.map((_, k) => ({ xref: 'paper', x: 1, xanchor: 'right', y: k, text: `<b>${text(grade[k])}</b>`, showarrow: false, font: { color: ink().text, size: 14 } }));
    const most = Math.max(...scaled(high), ...cells.flatMap(({ rounds }) => quantile(rounds, 0.98) / column.factor));
    draw(left, [bars, dots((v) => v / column.factor), whisker(scaled(mid), scaled(high.map((v, k) => v - mid[k])), scaled(mid.map((v, k) => v - low[k])))], { ...shape, annotations: words, xaxis: { title: { text: `latency, ${column.unit}` }, range: [0, most * 1.12] } });
    const relative = (v, k) => 100 * (v / mid[k] - 1);
    const boxes = cells.map(({ rounds }, k) => ({ type: 'violin', orientation: 'h', x: rounds.map((v) => relative(v, k)), y0: k, name: '', points: false, hoverinfo: 'skip', line: { width: 1, color: colors[k] }, fillcolor: colors[k], opacity: 0.35, spanmode: 'hard', width: 0.8, side: 'both' }));
    const spread = cells.flatMap(({ rounds }, k) => [quantile(rounds, 0.02), quantile(rounds, 0.98), low[k], high[k]].map((v) => relative(v, k)));
    const ends = [Math.min(-1, ...spread), Math.max(1, ...spread)];
    draw(right, [...boxes, dots(relative), whisker(mid.map(() => 0), high.map(relative), low.map((v, k) => -relative(v, k)))], { ...shape, xaxis: { title: { text: 'from the estimate, %' }, range: ends.map((v) => v * 1.1), zeroline: true }, violinmode: 'overlay' });
  }

  paint();
  return { paint };
}

function quantile(all, share) {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

// Williams et al. 2009: what a layer reaches, against how much it computes for each byte that it must move.
function roofline(root) {
  const node = root.querySelector('.plot');
  const clocked = networks.filter((network) => network.clock.macs_per_s && network.paths);
  const chosen = choice(root.querySelector('.choices'), 'network', clocked.map((network, i) => [i, network.label]), () => paint());
  const SYMBOLS = { __proto__: null, compute: 'circle', memory: 'square', overhead: 'triangle-up', kernel: 'x' };

  function paint() {
    const network = clocked[chosen()];
    const columns = Object.fromEntries(layersOf(network).map((column) => [column.name, column.values]));
    const every = columns.path.map((path, i) => ({ i, path, x: columns.macs[i] / columns.bytes[i], y: columns.macs[i] / columns.seconds[i], seconds: columns.seconds[i] }));
    const points = every.filter((p) => columns.macs[p.i] > 0 && p.x > 0 && p.y > 0 && Number.isFinite(p.x) && Number.isFinite(p.y));
    const { macs_per_s: roof, streams } = network.clock;
    const xs = points.map((p) => p.x);
    const ridge = streams.map(([, rate]) => roof / rate);
    const [low, high] = [Math.min(...xs, ...ridge) / 2.5, Math.max(...xs, ...ridge) * 2.5];
    const line = (x, y, color, dash) => ({ type: 'scatter', mode: 'lines', x, y, hoverinfo: 'skip', showlegend: false, line: { color, width: 1.6, dash } });
    const roofs = streams.map(([, rate], k) => line([low, roof / rate], [low * rate, roof], ink().soft, k ? 'dot' : 'solid'));
    roofs.push(line([Math.min(...ridge), high], [roof, roof], ink().text, 'solid'));
    const whole = network.whole.seconds;
    const kinds = [...new Set(points.map((p) => columns.kind[p.i]))];
    const dots = kinds.map((kind) => {
      const own = points.filter((p) => columns.kind[p.i] === kind);
      return {
        type: 'scatter', mode: 'markers', name: text(kind), showlegend: true, x: own.map((p) => p.x), y: own.map((p) => p.y), hoverinfo: 'text',
        marker: { color: kindColor(kind), opacity: 0.85, symbol: own.map((p) => SYMBOLS[columns.bound[p.i]] || 'circle'), size: own.map((p) => 7 + 42 * Math.sqrt(p.seconds / whole)), line: { width: 0.8, color: ink().text } },
        hovertext: own.map((p) => `<b>${text(p.path, 80)}</b><br>${text(kind)}, output ${text(columns.output[p.i])}<br>${duration(p.seconds)}, ${percent(p.seconds, whole)} of the time<br>${si(p.y)}MAC/s at ${Number(p.x.toPrecision(3))} MACs a byte<br>bound by ${text(columns.bound[p.i])}; at best ${duration(columns.least_s[p.i])}`),
      };
    });
    const ys = points.map((p) => p.y);
    const smallest = Math.min(...ys, roof / 30);
    const note = (x, y, words) => ({ x: Math.log10(x), y: Math.log10(y), text: words, showarrow: false, xanchor: 'right', yanchor: 'bottom', font: { size: 11.5, color: ink().soft } });
    const named = [note(high / 1.8, roof, `compute, ${si(roof)}MAC/s`)];
    const slower = [...streams].sort((a, b) => a[1] - b[1]);
    slower.forEach(([size, rate], k) => {
      const x = low * (roof / rate / low) ** (0.9 - (0.7 * k) / slower.length); // each a little further down its own slope
      named.push({ ...note(x, x * rate, text(size)), xanchor: 'center', yanchor: 'middle', bgcolor: ink().surface });
    });
    const bandwidths = streams.map(([size, rate]) => `${text(size)}: ${si(rate)}B/s`);
    draw(node, [...roofs, ...dots], { height: 520, annotations: named, xaxis: { title: { text: 'MACs a byte, log' }, ...logAxis([low * 1.6, high / 1.6], si) }, yaxis: { title: { text: 'MACs a second, log' }, ...logAxis([smallest, roof * 1.5], si) } });
    const rest = every.filter((p) => !(columns.macs[p.i] > 0));
    const calls = Object.entries(network.clock.calls).map(([name, seconds]) => `${name} ${duration(seconds)}`).join(', ');
    root.querySelector('figcaption').textContent = `Sloped roofs: bandwidth by working set, ${bandwidths.join('; ')}. Overhead is a roof in seconds, the smallest call: ${calls}. Marks: ● bound by compute, ■ memory, ▲ overhead, ✕ kernel; as large as their time. ${rest.length} layers without MACs, ${percent(rest.reduce((sum, p) => sum + p.seconds, 0), whole)} of the time, have no place here.`;
  }

  paint();
  return { paint };
}
