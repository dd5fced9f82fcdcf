// The tree of layers as areas of what they cost: icicle or treemap. A part is entered by a click or a key, and left by the path above.

const LEAST_HEIGHT = 320;
const MOST_HEIGHT = 760;
const LINE = 17; // pixels in which a name stands
const LEAST_COLUMN = 104; // pixels in which most names can be read

function hierarchy(root) {
  const node = root.querySelector('.plot');
  const choices = root.querySelector('.choices');
  const drawn = networks.filter((network) => network.at?.length);
  const chosen = choice(choices, 'network', drawn.map((network, i) => [i, network.label]), () => { at = ''; paint(); fill(); });
  const used = MEASURES.filter(([name]) => drawn.some((network) => network.whole[name] > 0));
  const measure = choice(choices, 'area', used.length ? used : MEASURES.slice(0, 1), () => paint(), Math.max(0, used.findIndex(([name]) => name === 'seconds')));
  const drawnAs = choice(choices, 'drawn as', [['icicle', 'icicle'], ['treemap', 'treemap']], () => paint());
  const fold = choice(choices, 'equal layers', [[true, 'folded'], [false, 'each']], () => { at = ''; paint(); });
  saving(choices, node, 'layers');
  const trail = element('nav', { className: 'trail' });
  trail.setAttribute('aria-label', 'Part of the network');
  node.before(trail);
  let at = ''; // the path of the part that is entered

  function paint(focused) {
    const network = drawn[chosen()];
    const name = network.whole[measure()] > 0 ? measure() : measuresOf(network)[0]?.[0];
    tip.hidden = true;
    if (!name) return node.replaceChildren();
    const { root: whole, columns } = treeOf(network, name, fold());
    const top = foundIn(whole, at) || whole;
    at = top.path;
    const width = Math.max(200, node.clientWidth);
    const high = Math.max(LEAST_HEIGHT, Math.min(MOST_HEIGHT, LINE * leavesOf(top)));
    const boxes = drawnAs() === 'icicle' ? icicle(top, width, high) : treemap(top, width, high);
    const chart = new Chart(width, high, `Layers of ${network.label} by ${MEASURES.find(([n]) => n === name)[1]}`);
    chart.node.setAttribute('role', 'group');
    const enter = (path) => { at = path; paint(path); };
    const shapes = new Map();
    for (const box of boxes) {
      const kind = box.part.rows.length ? columns.kind[box.part.rows[0]] : '';
      const drawnBox = shape('g', { role: 'button', tabindex: -1, class: box.part.children.length ? 'part inner' : 'part' }, [
        shape('rect', { x: box.x + 0.5, y: box.y + 0.5, width: Math.max(0.5, box.width - 1), height: Math.max(0.5, box.height - 1), fill: kind ? chart.fill(kind) : ink().block, stroke: ink().surface, 'stroke-width': box.height > 4 ? 1 : 0 }),
        ...worded(chart, box, kind, whole.value, columns),
      ]);
      told(drawnBox, saidOf(box.part, network, name, whole.value, columns));
      if (box.part.children.length) drawnBox.addEventListener('click', () => enter(box.part.path));
      drawnBox.addEventListener('keydown', (event) => key(event, box.part, boxes, shapes, top, enter));
      shapes.set(box.part, drawnBox);
      chart.node.append(drawnBox);
    }
    const first = boxes[0] && shapes.get(boxes[0].part);
    first?.setAttribute('tabindex', 0);
    node.replaceChildren(chart.node);
    trail.replaceChildren(...path(top).map((part, i, all) => {
      const words = oneLine(i ? named(part) : network.name, 40);
      if (i === all.length - 1) return element('strong', { textContent: `${words}: ${written(name, part.value)}` });
      const button = element('button', { type: 'button', textContent: words });
      button.addEventListener('click', () => enter(part.path));
      return button;
    }));
    if (focused !== undefined && document.activeElement === document.body) first?.focus();
    root.querySelector('figcaption').textContent = `Areas are ${MEASURES.find(([n]) => n === name)[1]}, colours and textures the kinds above. A click or Enter enters a part, Backspace or the path above leaves it; arrow keys go from part to part.`;
    return undefined;
  }

  function fill() {
    const network = drawn[chosen()];
    const columns = layersOf(network);
    const hidden = columns.some((column) => column.name === 'seconds') ? ['op', 'params', 'elementwise', 'least_s', 'roof'] : ['op'];
    new Table(root.querySelector('.table'), columns, { name: 'layers', caption: `Layers of ${network.label}, one a row, in the order in which they run`, rows: columns[0].values.length, visible: columns.map((column) => column.name).filter((name) => !hidden.includes(name)) });
  }

  paint();
  fill();
  whenResized(node, () => paint());
  return { paint: () => paint() };
}

const named = (part) => part.label + (part.times > 1 ? ` ×${part.times}` : '');
const path = (part) => (part ? [...path(part.parent), part] : []);
const foundIn = (part, wanted) => (part.path === wanted ? part : part.children.map((child) => foundIn(child, wanted)).find(Boolean));
const leavesOf = (part) => part.children.reduce((sum, child) => sum + leavesOf(child), part.children.length ? 0 : 1);
const depthOf = (part) => (part.children.length ? 1 + Math.max(...part.children.map(depthOf)) : 0);

// From left to right, as deep as there is room for names; what has nothing inside goes on to the right edge.
function icicle(top, width, height) {
  const levels = Math.max(1, Math.min(depthOf(top), Math.floor(width / LEAST_COLUMN)));
  const boxes = [];
  const put = (part, level, y, high) => {
    if (high < 0.4) return;
    const x = (width * level) / levels;
    const last = level === levels - 1 || !part.children.length;
    boxes.push({ part, x, y, width: last ? width - x : width / levels, height: high });
    if (!last) inside(part, level + 1, y, high);
  };
  const inside = (part, level, y, high) => {
    let from = y;
    for (const child of part.children) {
      const own = (high * child.value) / part.value;
      put(child, level, from, own);
      from += own;
    }
  };
  inside(top, 0, 0, height);
  return boxes;
}

// Boxes in boxes, as square as they go (Bruls, Huizing and van Wijk, Squarified treemaps, 2000).
function treemap(top, width, height) {
  const boxes = [];
  const put = (part, x, y, w, h) => {
    const sorted = [...part.children].sort((a, b) => b.value - a.value);
    let [from, left, right, upper, lower] = [0, x, x + w, y, y + h];
    let rest = part.value;
    while (from < sorted.length && right - left > 1 && lower - upper > 1) {
      const [wide, high] = [right - left, lower - upper];
      const side = Math.min(wide, high);
      const scale = (wide * high) / rest;
      const worst = (until) => {
        const areas = sorted.slice(from, until).map((child) => child.value * scale);
        const sum = areas.reduce((a, b) => a + b, 0);
        return Math.max((side ** 2 * areas[0]) / sum ** 2, sum ** 2 / (side ** 2 * areas[areas.length - 1]));
      };
      let until = from + 1;
      while (until < sorted.length && worst(until + 1) <= worst(until)) until += 1;
      const row = sorted.slice(from, until);
      const sum = row.reduce((all, child) => all + child.value, 0);
      const thick = (sum * scale) / side;
      let along = 0;
      for (const child of row) {
        const own = (side * child.value) / sum;
        const box = wide >= high ? { x: left, y: upper + along, width: thick, height: own } : { x: left + along, y: upper, width: own, height: thick };
        boxes.push({ part: child, ...box, headed: child.children.length > 0 });
        if (child.children.length && box.width > 26 && box.height > 34) put(child, box.x + 3, box.y + 19, box.width - 6, box.height - 22);
        along += own;
      }
      if (wide >= high) left += thick;
      else upper += thick;
      rest -= sum;
      from = until;
    }
  };
  put(top, 0, 0, width, height);
  return boxes;
}

// A name first, then the kind of a layer and the share: as much as there is room for.
function worded(chart, { part, x, y, width, height, headed }, kind, whole, columns) {
  if (height < 13 || width < 24) return [];
  const room = width - 10;
  const name = oneLine(named(part), 60);
  const share = percent(part.value, whole);
  const sort = kind && kind !== part.label ? oneLine(kind, 30).replace('_', ' ') : '';
  const whole_line = [[name, sort, share], [name, share], [name]].map((words) => words.filter(Boolean).join(' · ')).find((words) => widthOf(words, 12) <= room);
  const one = whole_line || fitting(name, room, 12);
  if (!one) return [];
  const lines = [one];
  if (whole_line !== undefined && !one.includes(share) && !headed && height > 32 && widthOf(share, 12) <= room) lines.push(share);
  const middle = headed ? y + 14 : y + height / 2 + 4.2 - 7 * (lines.length - 1);
  return lines.map((words, k) => chart.words(words, x + 5, middle + 14 * k, kind));
}

function saidOf(part, network, measure, whole, columns) {
  const lines = [oneLine(part.path || network.name, 80), ...(part.times > 1 ? [`${part.times} equal ones together`] : []), `${written(measure, part.value)}, ${percent(part.value, whole)}`];
  const [i] = part.rows;
  return i === undefined ? lines : [...lines, `${oneLine(columns.kind[i])}, ${oneLine(columns.op[i])}, output ${oneLine(columns.output[i])}`];
}

// Arrow keys go along the tree, Enter and Backspace into a part and out of it.
function key(event, part, boxes, shapes, top, enter) {
  const among = boxes.filter((box) => box.part.parent === part.parent).map((box) => box.part);
  const next = {
    ArrowDown: among[among.indexOf(part) + 1], ArrowUp: among[among.indexOf(part) - 1], ArrowLeft: part.parent, ArrowRight: part.children.find((child) => shapes.has(child)),
  }[event.key];
  if (event.key === 'Enter' || event.key === ' ') {
    event.preventDefault();
    if (part.children.length) enter(part.path);
  } else if (event.key === 'Backspace') {
    event.preventDefault();
    if (top.parent) enter(top.parent.path);
  } else if (event.key.startsWith('Arrow')) {
    event.preventDefault();
    if (!shapes.has(next)) return;
    shapes.get(part).setAttribute('tabindex', -1);
    shapes.get(next).setAttribute('tabindex', 0);
    shapes.get(next).focus();
  }
}
