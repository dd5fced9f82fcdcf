// Networks by their layers, and the shares that each kind of layer has of what they cost.

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

const written = (name, value) => (name === 'seconds' ? duration(value) : `${COUNT.format(value)} ${MEASURES.find(([n]) => n === name)[1]}`);

function shares(root) {
  const node = root.querySelector('.plot');
  const choices = root.querySelector('.choices');
  const clocked = networks.some((network) => network.whole.seconds > 0);
  const byNetwork = networks.length > 1 && !clocked;
  const used = MEASURES.filter(([name]) => networks.some((network) => network.whole[name] > 0));
  const chosen = byNetwork ? choice(choices, 'of', used.length ? used : MEASURES.slice(0, 1), () => paint()) : choice(choices, 'network', networks.map((network, i) => [i, network.label]), () => paint());
  saving(choices, node, 'shares');

  function paint() {
    const bars = byNetwork
      ? networks.map((network) => ({ network, name: chosen(), label: oneLine(network.name) }))
      : measuresOf(networks[chosen()]).map(([name, label]) => ({ network: networks[chosen()], name, label }));
    const share = ({ network, name }, kind) => (network.kinds[kind] && network.whole[name] ? (100 * network.kinds[kind][BY_KIND.indexOf(name)]) / network.whole[name] : 0);
    const known = new Set([...Object.keys(KINDS), ...bars.flatMap(({ network }) => Object.keys(network.kinds))]);
    const kinds = [...known].filter((kind) => bars.some((bar) => share(bar, kind) > 0));
    const width = Math.max(200, node.clientWidth);
    const narrow = width < 520; // names stand above their bars
    const left = narrow ? 0 : Math.min(0.34 * width, 10 + Math.max(...bars.map((bar) => widthOf(bar.label, 13)), 60));
    const [high, gap] = bars.length > 12 ? [18, 6] : [24, 10];
    const step = high + gap + (narrow ? 16 : 0);
    const chart = new Chart(width, bars.length * step + 22, 'Shares by kind of layer, a bar each');
    const whole = width - left - 2;
    bars.forEach((bar, row) => {
      const top = row * step + (narrow ? 16 : 0);
      const parts = kinds.filter((kind) => share(bar, kind) > 0);
      const said = parts.map((kind) => `${oneLine(kind)} ${share(bar, kind).toFixed(2)} %`);
      const group = shape('g', { role: 'img', tabindex: 0, class: 'part' });
      told(group, [bar.label, ...said]);
      group.append(chart.words(fitting(bar.label, narrow ? width : left - 8, 13), narrow ? 0 : left - 8, narrow ? top - 4 : top + high / 2 + 4.5, undefined, { size: 13, anchor: narrow ? 'start' : 'end', color: ink().text }));
      let x = left;
      for (const kind of parts) {
        const wide = (whole * share(bar, kind)) / 100;
        const percents = share(bar, kind).toFixed(share(bar, kind) < 10 ? 1 : 0);
        const label = [`${oneLine(kind).replace('_', ' ')} ${percents} %`, percents].find((words) => widthOf(words, 12) + 8 <= wide);
        const part = shape('g', { class: 'share' }, [shape('rect', { x, y: top, width: Math.max(wide, 0.5), height: high, fill: chart.fill(kind), stroke: ink().soft, 'stroke-width': 0.6 })]);
        if (label) part.append(chart.words(label, x + wide / 2, top + high / 2 + 4.2, kind, { anchor: 'middle' }));
        told(part, [bar.label, `${oneLine(kind)} ${share(bar, kind).toFixed(2)} %`, written(bar.name, bar.network.kinds[kind][BY_KIND.indexOf(bar.name)]), `${bar.network.kinds[kind][0]} layers`]);
        part.removeAttribute('aria-label'); // the bar says it
        group.append(part);
        x += wide;
      }
      chart.node.append(group);
    });
    for (const tick of [0, 25, 50, 75, 100]) chart.node.append(chart.words(`${tick} %`, left + (whole * tick) / 100, bars.length * step + 14, undefined, { anchor: tick === 0 ? 'start' : tick === 100 ? 'end' : 'middle', color: ink().soft }));
    node.replaceChildren(chart.node);
    root.querySelector('.legend').replaceChildren(...kinds.map((kind) => {
      const swatch = new Chart(14, 14, '');
      swatch.node.setAttribute('aria-hidden', 'true');
      swatch.node.append(shape('rect', { x: 0.5, y: 0.5, width: 13, height: 13, rx: 2, fill: swatch.fill(kind), stroke: ink().soft, 'stroke-width': 0.6 }));
      return element('span', {}, [swatch.node, oneLine(kind).replace('_', ' ')]);
    }));
    root.querySelector('figcaption').textContent = byNetwork ? `Shares of ${used.find(([name]) => name === chosen())[1]} by kind of layer.` : '';
  }

  paint();
  whenResized(node, paint);
  return { paint };
}
