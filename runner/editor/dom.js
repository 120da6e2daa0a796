// Small helpers: elements without markup, and the words of a cell with their bold and links.

export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const STYLED = /\*\*(.+?)\*\*|\*([^*\s][^*]*)\*|`([^`]+)`|~~(.+?)~~|!?\[([^\]]*)\]\([^)]*\)|(\{\{.*?\}\}|\{%.*?%\})|<br\s*\/?>/g;
const TAGS = ["strong", "em", "code", "s", "a", "code"];

export function styled(text) {
  const parts = [];
  let done = 0;
  for (const found of text.matchAll(STYLED)) {
    const n = found.slice(1).findIndex((words) => words !== undefined);
    const part = n < 0 ? el("br") : el(TAGS[n], n === 5 ? { class: "e-template" } : {}, found[n + 1]);
    parts.push(text.slice(done, found.index), part);
    done = found.index + found[0].length;
  }
  return [...parts, text.slice(done)];
}
