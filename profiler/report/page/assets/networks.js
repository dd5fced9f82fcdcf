// Networks by their layers: shares by kind, and the tree of layers as areas of what they cost.

const MEASURES = [['macs', 'MACs'], ['params', 'params'], ['activations', 'activations'], ['elementwise', 'elementwise'], ['seconds', 'time']];
const BY_KIND = ['layers', 'params', 'macs', 'activations', 'elementwise', 'seconds'];

const networks = data.networks.map((plain) => {
  const whole = {};
  for (const name of BY_KIND) whole[name] = Object.values(plain.kinds).reduce((sum, sums) => sum + sums[BY_KIND.indexOf(name)], 0);
  const kinds = Object.assign(Object.create(null), plain.kinds); // a kind may be called as anything of an object's own
  return { ...plain, kinds, whole, label: Array.from(plain.name).slice(0, 60).join('') };
});
const sortsOf = Object.fromEntries(Object.entries(data.sorts).map(([name, coded]) => [name, values(coded, [])]));
const measuresOf = (network) => MEASURES.filter(([name]) => network.whole[name] > 0);

// The layers as columns: what is stored of each sort, and what is known of each layer alone.
function layersOf(network) {
  network.columns ??= (() => {
    const names = [];
    for (let i = 0; i < network.paths.length; i += 2) names.push((names[names.length - 1] || '').slice(0, network.paths[i]) + network.paths[i + 1]);
    const labels = { __proto__: null, macs: 'MACs' };
    const own = Object.entries(sortsOf).map(([name, all]) => {
      const column = { name, label: labels[name] || name, sort: ['op', 'kind', 'output'].includes(name) ? 'text' : 'int', values: network.at.map((i) => all[i]) };
      return { ...column, ...scaleOf(column) };
    });
    return [{ name: 'path', label: 'layer', sort: 'text', values: names, ...scaleOf({ sort: 'text', values: names }) }, ...own, ...columnsOf(network.more)];
  })();
  return network.columns;
}

function shares(root) {
  const node = root.querySelector('.plot');
  const choices = root.querySelector('.choices');
  const clocked = networks.some((network) => network.whole.seconds > 0);
  const byNetwork = networks.length > 1 && !clocked;
  const used = MEASURES.filter(([name]) => networks.some((network) => network.whole[name] > 0));
  const chosen = byNetwork ? choice(choices, 'of', used.length ? used : MEASURES.slice(0, 1), () => paint()) : choice(choices, 'network', networks.map((network, i) => [i, network.label]), () => paint());

  function paint() {
    // a margin that needs no fitting spares many bars a second drawing
    const most = Math.floor(Math.min(40, node.clientWidth / 17));
    const left = 26 + 7.4 * Math.max(11, ...(byNetwork ? networks.map((network) => Math.min(most, network.name.length)) : []));
    const bars = byNetwork
      ? networks.map((network) => ({ network, name: chosen(), label: text(network.name, most) }))
      : measuresOf(networks[chosen()]).map(([name, label]) => ({ network: networks[chosen()], name, label }));
    const share = ({ network, name }, kind) => (network.kinds[kind] && network.whole[name] ? (100 * network.kinds[kind][BY_KIND.indexOf(name)]) / network.whole[name] : 0);
    const known = new Set([...Object.keys(KINDS), ...bars.flatMap(({ network }) => Object.keys(network.kinds))]);
    const kinds = [...known].filter((kind) => bars.some((bar) => share(bar, kind) > 0));
    const at = bars.map((_, i) => i);
    const traces = kinds.map((kind) => ({
      type: 'bar', orientation: 'h', name: '', y: at, x: bars.map((bar) => share(bar, kind)), marker: { color: kindColor(kind), line: { width: 1, color: ink().surface } },
      text: bars.map((bar) => (share(bar, kind) >= 2600 / Math.max(120, node.clientWidth - 170) ? `${share(bar, kind).toFixed(share(bar, kind) < 10 ? 1 : 0)}` : '')), textposition: 'inside', insidetextanchor: 'middle', textangle: 0, constraintext: 'none', textfont: { size: 12, color: '#fff' },
      hoverinfo: 'text', hovertext: bars.map((bar) => `${bar.label}<br>${text(kind)}  <b>${share(bar, kind).toFixed(2)} %</b><br>${written(bar.name, bar.network.kinds[kind]?.[BY_KIND.indexOf(bar.name)] || 0)}, ${bar.network.kinds[kind]?.[0] || 0} layers`),
    }));
    root.querySelector('.legend').replaceChildren(...kinds.map((kind) => {
      const swatch = element('i');
      swatch.style.background = kindColor(kind);
      return element('span', {}, [swatch, kind.replace('_', ' ')]);
    }));
    const axis = { tickvals: at, ticktext: bars.map((bar) => bar.label), autorange: 'reversed', automargin: false, showgrid: false, tickfont: { color: ink().text } };
    draw(node, traces, { barmode: 'stack', bargap: 0.28, height: 60 + bars.length * (bars.length > 12 ? 24 : 38), yaxis: axis, margin: { l: left, r: 30, t: 16, b: 36, autoexpand: false }, xaxis: { range: [0, 100], ticksuffix: ' %', showgrid: false }, showlegend: false });
    root.querySelector('figcaption').textContent = byNetwork ? `Shares of ${used.find(([name]) => name === chosen())[1]} by kind of layer.` : '';
  }

  paint();
  return { paint };
}

const written = (name, value) => (name === 'seconds' ? duration(value) : `${COUNT.format(value)} ${MEASURES.find(([n]) => n === name)[1]}`);

// The layers as a tree by the names of their paths; a name that has one child is one with it.
function treeOf(network, measure) {
  const columns = Object.fromEntries(layersOf(network).map((column) => [column.name, column.values]));
  const root = { id: 'network', label: network.name, value: 0, children: new Map(), kind: '' };
  columns.path.forEach((path, i) => {
    const value = columns[measure][i];
    if (!value) return;
    let node = root;
    root.value += value;
    for (const name of path.split('.')) {
      if (!node.children.has(name)) node.children.set(name, { id: `${node.id}.${name}`, label: name, value: 0, children: new Map(), rows: [] });
      node = node.children.get(name);
      node.value += value;
    }
    node.rows.push([i, value]);
  });
  const nodes = [];
  const add = (node, parent, label) => {
    const children = [...node.children.values()];
    if (children.length === 1 && !node.rows?.length && node !== root) return add(children[0], parent, `${label}.${children[0].label}`);
    const rows = node.rows || [];
    nodes.push({ id: node.id, parent, label, value: node.value, rows: children.length ? [] : rows });
    if (children.length && rows.length) nodes.push({ id: `${node.id}\n`, parent: node.id, label: '(itself)', value: rows.reduce((sum, [, value]) => sum + value, 0), rows });
    children.forEach((child) => add(child, node.id, child.label));
    return undefined;
  };
  add(root, null, network.name);
  return { nodes, columns, whole: root.value };
}

function hierarchy(root) {
  const node = root.querySelector('.plot');
  const choices = root.querySelector('.choices');
  const drawn = networks.filter((network) => network.at?.length);
  const chosen = choice(choices, 'network', drawn.map((network, i) => [i, network.label]), () => { paint(); fill(); });
  const used = MEASURES.filter(([name]) => drawn.some((network) => network.whole[name] > 0));
  const measure = choice(choices, 'area', used.length ? used : MEASURES.slice(0, 1), () => paint(), Math.max(0, used.findIndex(([name]) => name === 'seconds')));
  const shape = choice(choices, 'drawn as', [['icicle', 'icicle'], ['treemap', 'treemap']], () => paint());

  function paint() {
    const network = drawn[chosen()];
    const name = network.whole[measure()] > 0 ? measure() : measuresOf(network)[0]?.[0];
    if (!name) return Plotly.purge(node);
    const { nodes, columns, whole } = treeOf(network, name);
    const kind = (each) => (each.rows.length ? columns.kind[each.rows[0][0]] : '');
    const hover = (each) => {
      const head = `<b>${text(each.parent === null ? network.name : each.id.slice('network.'.length).trim(), 80)}</b><br>${written(name, each.value)}, ${percent(each.value, whole)}`;
      const [i] = each.rows[0] || [];
      return i === undefined ? head : `${head}<br>${text(columns.kind[i])}, ${text(columns.op[i])}, output ${text(columns.output[i])}`;
    };
    const trace = {
      type: shape(), ids: nodes.map((each) => each.id), parents: nodes.map((each) => each.parent ?? ''), labels: nodes.map((each) => text(each.label, 40)), values: nodes.map((each) => each.value), branchvalues: 'total', sort: shape() === 'treemap',
      text: nodes.map((each) => (each.parent === null ? written(name, whole) : percent(each.value, whole))), texttemplate: '%{label}  %{text}', hoverinfo: 'text', hovertext: nodes.map(hover), tiling: shape() === 'icicle' ? { orientation: 'h' } : { pad: 2, packing: 'squarify' },
      marker: { colors: nodes.map((each) => (kind(each) ? kindColor(kind(each)) : ink().block)), line: { width: 1, color: ink().surface } }, leaf: { opacity: 1 }, pathbar: { visible: true, thickness: 22 }, root: { color: ink().block },
    };
    draw(node, [trace], { height: 560, margin: { l: 0, r: 0, t: 24, b: 0 }, uniformtext: { minsize: 11, mode: 'hide' } });
    root.querySelector('figcaption').textContent = `Areas are ${MEASURES.find(([n]) => n === name)[1]}, colours the kinds above. A click enters a part, the bar above leads back.`;
    return undefined;
  }

  function fill() {
    const columns = layersOf(drawn[chosen()]);
    const hidden = columns.some((column) => column.name === 'seconds') ? ['op', 'params', 'elementwise', 'least_s', 'roof'] : ['op'];
    new Table(root.querySelector('.table'), columns, { name: 'layers', rows: columns[0].values.length, visible: columns.map((column) => column.name).filter((name) => !hidden.includes(name)) });
  }

  paint();
  fill();
  return { paint };
}
