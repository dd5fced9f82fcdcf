// Charts of our own, as SVG: shapes, fills that differ in more than their colour, words that fit, what hovering tells, the file.

const SVG = 'http://www.w3.org/2000/svg';
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const ruler = document.createElement('canvas').getContext('2d');
let charts = 0;

function shape(tag, attributes = {}, children = []) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// How wide words are, and as many of their letters as fit; '' where not even three would.
const widthOf = (words, size) => { ruler.font = `${size}px ${FONT}`; return ruler.measureText(words).width; };
function fitting(words, room, size) {
  if (widthOf(words, size) <= room) return words;
  const letters = Array.from(words);
  let [low, high] = [0, letters.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (widthOf(`${letters.slice(0, middle).join('')}…`, size) <= room) low = middle;
    else high = middle - 1;
  }
  return low >= 3 ? `${letters.slice(0, low).join('')}…` : '';
}

// Black or white, whichever can be read on a colour: the better of the two has a contrast of 4.5 at least, on any (WCAG 2.2).
const luminance = (hex) => channels(hex).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const readable = (hex) => ((luminance(hex) + 0.05) / 0.05 >= 1.05 / (luminance(hex) + 0.05) ? '#000000' : '#ffffff');

const TURNED = { __proto__: null, rising: 135, falling: 45, upright: 90, level: 0, grid: 0, dots: 45 };

// A chart with its own textures, so that a file of it is whole. `fill(kind)` is what a shape is filled with.
class Chart {
  constructor(width, height, label) {
    this.id = `chart${(charts += 1)}`;
    this.defined = new Set();
    this.defs = shape('defs');
    this.node = shape('svg', { class: 'chart', width, height, viewBox: `0 0 ${width} ${height}`, 'font-family': FONT, 'aria-label': label }, [this.defs]);
  }

  fill(kind) {
    const [color, texture] = KINDS[kind] || OTHER;
    if (!texture) return inTheme(color);
    const id = `${this.id}-${texture}-${inTheme(color).slice(1)}`;
    if (!this.defined.has(id)) {
      this.defined.add(id);
      const [ground, mark] = [inTheme(color), readable(inTheme(color))];
      const marks = texture === 'dots' ? shape('circle', { cx: 3, cy: 3, r: 1.1, fill: mark }) : shape('path', { d: texture === 'grid' ? 'M0,3H6M3,0V6' : 'M0,3H6', stroke: mark, 'stroke-width': 0.8 });
      this.defs.append(shape('pattern', { id, width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: `rotate(${TURNED[texture]})` }, [shape('rect', { width: 6, height: 6, fill: ground }), marks]));
    }
    return `url(#${id})`;
  }

  // Words on a fill, with a ground of its colour around them where it has a texture.
  words(words, x, y, kind, { size = 12, anchor = 'start', color } = {}) {
    const ground = kind === undefined ? undefined : kind ? kindColor(kind) : ink().block;
    const halo = kind && (KINDS[kind] || OTHER)[1] ? { stroke: ground, 'stroke-width': 4, 'paint-order': 'stroke', 'stroke-linejoin': 'round' } : {};
    return shape('text', { x, y, 'font-size': size, 'text-anchor': anchor, fill: color || readable(ground), 'pointer-events': 'none', ...halo }, [words]);
  }
}

// What a shape is, beside the pointer or the shape that has the focus.
const tip = element('div', { className: 'tip', hidden: true });
tip.setAttribute('aria-hidden', 'true'); // each shape says the same in its label
document.body.append(tip);

function told(node, lines) {
  const at = (x, y) => {
    tip.replaceChildren(...lines.map((words, i) => element(i ? 'span' : 'strong', { textContent: words })));
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const page = document.documentElement.clientWidth;
    tip.style.left = `${scrollX + Math.max(4, Math.min(x + 14, page - width - 4))}px`;
    tip.style.top = `${scrollY + (y + 18 + height > innerHeight ? y - height - 10 : y + 18)}px`;
  };
  node.setAttribute('aria-label', lines.join(', '));
  node.addEventListener('pointermove', (event) => at(event.clientX, event.clientY));
  node.addEventListener('pointerleave', () => { tip.hidden = true; });
  node.addEventListener('focus', () => {
    if (!node.matches(':focus-visible')) return;
    const box = node.getBoundingClientRect();
    at(box.left + Math.min(40, box.width / 2), box.top + Math.min(20, box.height / 2));
  });
  node.addEventListener('blur', () => { tip.hidden = true; });
}
addEventListener('keydown', (event) => { if (event.key === 'Escape') tip.hidden = true; });

// A button that saves what is drawn as a file of its own.
function saving(parent, node, name) {
  const button = element('button', { type: 'button', textContent: 'Download SVG' });
  button.addEventListener('click', () => {
    const copy = node.querySelector('svg').cloneNode(true);
    copy.setAttribute('xmlns', SVG);
    copy.insertBefore(shape('rect', { width: '100%', height: '100%', fill: ink().surface }), copy.firstChild);
    const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' }));
    element('a', { href: url, download: `${name}.svg` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  });
  parent.append(button);
}

// Paint again when there is another width to paint in.
function whenResized(node, paint) {
  let width = node.clientWidth;
  new ResizeObserver(later(() => {
    if (node.clientWidth === width) return;
    width = node.clientWidth;
    paint();
  })).observe(node);
}
