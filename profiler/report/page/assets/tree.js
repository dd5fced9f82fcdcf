// The layers of a network as a tree by the names of their paths, equal neighbours folded into one.

// A name that has one child is one with it. What is worth nothing is left out.
function treeOf(network, measure, fold) {
  const columns = Object.fromEntries(layersOf(network).map((column) => [column.name, column.values]));
  const root = { label: network.name, path: '', value: 0, times: 1, rows: [], children: new Map() };
  columns.path.forEach((path, i) => {
    const value = columns[measure][i];
    if (!value) return;
    let node = root;
    root.value += value;
    for (const name of path.split('.')) {
      if (!node.children.has(name)) node.children.set(name, { label: name, value: 0, times: 1, rows: [], children: new Map() });
      node = node.children.get(name);
      node.value += value;
    }
    node.rows.push(i);
  });
  const known = new Map(); // each distinct part, and its number
  const sum = (rows) => rows.reduce((all, i) => all + columns[measure][i], 0);
  const number = (...parts) => {
    const key = JSON.stringify(parts);
    if (!known.has(key)) known.set(key, known.size);
    return known.get(key);
  };
  const settled = (node) => {
    let children = [...node.children.values()].map(settled);
    const sort = number(node.rows.map((i) => network.at[i]), children.map((child) => [child.label, child.sort]));
    if (fold) children = folded(children);
    if (children.length && node.rows.length) children.push({ label: '(itself)', key: '(itself)', value: sum(node.rows), times: 1, rows: node.rows, children: [] });
    const [only] = children;
    if (children.length === 1 && node !== root) return { ...only, sort, key: node.label, label: `${node.label}.${only.label}`, times: only.times };
    return { ...node, sort, key: node.label, children, rows: children.length ? [] : node.rows };
  };
  const made = settled(root);
  return { root: placed(made, null), columns };
}

// Neighbours that are numbered one after the other and equal in all their layers: `3…7`, five times. A key is a part's own name.
function folded(children) {
  const made = [];
  for (let at = 0; at < children.length;) {
    const first = children[at];
    let end = at + 1;
    while (/^\d+$/.test(first.key) && children[end]?.key === String(Number(first.key) + end - at) && children[end].sort === first.sort) end += 1;
    made.push(end - at > 1 ? joined(children.slice(at, end)) : first);
    at = end;
  }
  return made;
}

// Equal parts as one, which costs what all of them do.
function joined(parts) {
  const [first] = parts;
  const merged = (same) => ({
    ...same[0], times: parts.length * same[0].times, value: same.reduce((all, part) => all + part.value, 0), rows: same.flatMap((part) => part.rows),
    children: same[0].children.map((_, k) => merged(same.map((part) => part.children[k]))),
  });
  return { ...merged(parts), label: `${first.key}…${parts[parts.length - 1].key}${first.label.slice(first.key.length)}` };
}

// Where each part stands: its parent, its whole path.
function placed(node, parent) {
  const path = parent ? [parent.path, node.label].filter(Boolean).join('.') : '';
  const made = { ...node, parent, path };
  made.children = node.children.map((child) => placed(child, made));
  return made;
}
