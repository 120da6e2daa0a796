// The words of an article that another editor made: each piece of text between its tags, to be corrected where it stands.

import { el } from "/phone/dom.js";

const PIECES = /<!--[\s\S]*?-->|<(style|script|svg)\b[\s\S]*?<\/\1\s*>|<[^>]*>|[^<]+/gi;
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": " " };
const read = (text) => text.replace(/&(?:amp|lt|gt|quot|#39|nbsp);/g, (found) => ENTITIES[found]);
const written = (text) => text.replace(/[&<>\u00a0]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", "\u00a0": "&nbsp;" })[letter]);

// The same door as the editor's: what is not touched keeps its bytes.
export function createWords({ parent, value, onChange, label }) {
  const pieces = value.match(PIECES) ?? [];
  const list = el("ol", { class: "words", "aria-label": label });
  pieces.forEach((piece, at) => {
    if (piece.startsWith("<") || !piece.trim()) return;
    const [, before, words, after] = /^(\s*)([\s\S]*?)(\s*)$/.exec(piece);
    const box = el("textarea", { rows: Math.min(4, Math.ceil(read(words).length / 40)), "aria-label": label, oninput: () => {
      pieces[at] = box.value === read(words) ? piece : `${before}${written(box.value)}${after}`;
      onChange(pieces.join(""));
    } });
    box.value = read(words);
    list.append(el("li", {}, box));
  });
  parent.append(list);
  return { destroy: () => list.remove() };
}
