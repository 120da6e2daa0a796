// Elements made from data: strings become text nodes, never markup.

export const by = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

// Redraws a list by keys: what did not change stays in place, so that focus and playing sound survive.
export function keyed(parent, draw) {
  let kept = new Map();
  return (items, context = "") => {
    const held = [...kept].find(([, { node }]) => node.contains(document.activeElement));
    const next = new Map();
    for (const item of items) {
      const told = JSON.stringify([item, context]);
      const old = kept.get(item.key);
      next.set(item.key, old?.told === told ? old : { told, node: draw(item) });
    }
    kept = next;
    [...next.values()].forEach(({ node }, index) => {
      if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
    });
    while (parent.children.length > next.size) parent.lastElementChild.remove();
    // A redrawn child takes over the focus of the one it replaces.
    const heir = held && !held[1].node.isConnected && next.get(held[0])?.node;
    if (heir) {
      heir.tabIndex = 0;
      heir.focus({ preventScroll: true });
    }
  };
}

// Makes one child of a list the one that the Tab key reaches.
export function setStop(list, chosen) {
  for (const child of list.children) child.tabIndex = child === chosen ? 0 : -1;
}

const STEPS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, Home: -Infinity, End: Infinity };

// Arrow keys, Home and End walk through a list's children; `arrive` is told where they come to.
export function walkable(list, arrive, keys = Object.keys(STEPS)) {
  list.addEventListener("keydown", (event) => {
    const at = [...list.children].indexOf(document.activeElement);
    if (at < 0 || !keys.includes(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const to = Math.min(Math.max(at + STEPS[event.key], 0), list.children.length - 1);
    const next = list.children[to];
    setStop(list, next);
    next.focus();
    if (to !== at) arrive(next);
  });
}

// A steady colour for a name, one of twelve that carry white text.
export function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return `hue-${sum % 12}`;
}

export const avatar = (name, seed) =>
  el("span", { class: `avatar ${hue(seed)}`, "aria-hidden": "true" }, [...name][0] ?? "·");
