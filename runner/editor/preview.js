// The article as it will look, drawn over its Markdown: nothing here changes a byte.

import { ensureSyntaxTree, syntaxTree } from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType } from "@codemirror/view";
import { el } from "./dom.js";
import { TableWidget } from "./table.js";

const focused = StateEffect.define();
const hasFocus = StateField.define({
  create: () => false,
  update: (value, tr) => tr.effects.reduce((last, effect) => (effect.is(focused) ? effect.value : last), value),
});

class Widget extends WidgetType {
  constructor(key, make) { super(); this.key = key; this.make = make; }
  eq(other) { return other.key === this.key; }
  toDOM(view) { return this.make(view); }
  ignoreEvent() { return false; }
}

const IMAGE = /^!\[((?:\\.|[^\]])*)\]\(\s*(?:<([^>]*)>|([^\s)]*))(?:\s+"((?:\\.|[^"])*)")?\s*\)/;

// The parts of a picture in Markdown, with the width that may follow it; null when they cannot be told.
export function pictureParts(state, from, to) {
  const found = IMAGE.exec(state.sliceDoc(from, to));
  if (!found) return null;
  const size = /^\{width="?([^}"]*)"?\}/.exec(state.sliceDoc(to, Math.min(to + 40, state.doc.length)));
  const alone = state.doc.lineAt(from).text.trim() === state.sliceDoc(from, to + (size?.[0].length ?? 0));
  return { alone, alt: found[1], path: found[2] ?? found[3], caption: found[4] ?? "", width: size?.[1] ?? "", from, to: to + (size?.[0].length ?? 0) };
}

function pictureWidget(parts, { pictureUrl, labels, editPicture }) {
  return new Widget(`picture ${Object.values({ ...parts, from: 0, to: 0 }).join("\n")}`, (view) => {
    const missing = () => el("span", { class: "e-missing" }, `${labels.pictureMissing} ${parts.path}`);
    const image = el("img", { alt: parts.alt });
    const frame = el("span", { class: `e-picture${parts.alone ? " alone" : ""}`, title: labels.editPicture }, image);
    if (/^\d{1,3}%$/.test(parts.width)) image.style.width = parts.width;
    image.onload = () => view.requestMeasure();
    image.onerror = () => image.replaceWith(missing());
    const url = pictureUrl(parts.path);
    if (url) image.src = url;
    else image.replaceWith(missing());
    if (parts.caption) frame.append(el("span", { class: "e-caption" }, parts.caption));
    frame.onclick = () => editPicture(view, view.posAtDOM(frame));
    return frame;
  });
}

const MARKED = {
  StrongEmphasis: "e-strong", Emphasis: "e-em", Strikethrough: "e-strike", InlineCode: "e-inline-code", Mark: "e-mark",
  Subscript: "e-sub", Superscript: "e-sup", Link: "e-link", Autolink: "e-link",
};
const SHOWN = { Template: "e-template", Formula: "e-formula", Note: "e-note", Comment: "e-quiet", HTMLTag: "e-quiet", HardBreak: "e-quiet" };
const BLOCKS = { FencedCode: "e-code", CodeBlock: "e-code", FrontMatter: "e-front", HTMLBlock: "e-front", CommentBlock: "e-front", Blockquote: "e-quote" };
const WHOLE = new Set(["FencedCode", "CodeBlock", "FrontMatter", "HTMLBlock", "CommentBlock"]); // blank lines in them are theirs

function draw(state, options) {
  const { doc } = state, { from: start, to: end } = state.selection.main, decorations = [], atoms = [], whole = [], boxes = [], signs = [];
  const tree = ensureSyntaxTree(state, doc.length, 500) ?? syntaxTree(state);
  const touched = (from, to) => state.field(hasFocus) && !state.readOnly && start <= to && end >= from;
  const mark = (name, from, to) => { if (to > from) decorations.push(Decoration.mark({ class: name }).range(from, to)); };
  const lines = (name, from, to) => {
    for (let line = doc.lineAt(from); ; line = doc.line(line.number + 1)) {
      const edge = `${line.from <= from ? ` ${name}-first` : ""}${line.to >= to ? ` ${name}-last` : ""}`;
      decorations.push(Decoration.line({ class: name + edge }).range(line.from));
      if (line.to >= to) return;
    }
  };
  const replace = (from, to, widget) => {
    const range = Decoration.replace(widget ? { widget } : {}).range(from, to);
    if (to > from) { decorations.push(range); atoms.push(range); }
  };
  // A sign before a line is drawn otherwise: the caret stands behind it.
  const sign = (from, to, widget) => { replace(from, to, widget); if (to > from) signs.push({ from, to: to - 1, back: to, on: to }); };
  const spaceAfter = (to) => (doc.sliceString(to, to + 1) === " " ? to + 1 : to);

  const marks = (node, name) => {
    mark(name, node.from, node.to);
    const inner = node.node.getChildren("LinkMark");
    if (node.name !== "Link" && touched(node.from, node.to)) return;
    if (inner.length > 2 && node.name === "Link" && inner[1].from > inner[0].to) { // only its words: a button asks for the address
      replace(inner[0].from, inner[0].to);
      replace(inner[1].from, node.to);
    } else if (node.name !== "Link") {
      for (let child = node.node.firstChild; child; child = child.nextSibling) if (child.name.endsWith("Mark") && child.name !== "Mark") replace(child.from, child.to);
    }
  };
  const heading = (node) => {
    lines(`e-h${node.name.slice(-1)}`, node.from, node.to);
    const first = node.node.firstChild;
    if (first.name !== "HeaderMark" || first.from !== node.from) return; // underlined: the line stands as it is
    if (spaceAfter(first.to) > first.to) sign(first.from, spaceAfter(first.to));
  };
  const item = (node) => {
    let depth = 0;
    for (let up = node.node; up; up = up.parent) depth += up.name === "ListItem";
    const [bullet] = node.node.getChildren("ListMark"), line = doc.lineAt(bullet.from), task = node.node.getChild("Task")?.getChild("TaskMarker");
    const ordered = node.node.parent.name === "OrderedList";
    const words = task ? (/x/i.test(doc.sliceString(task.from, task.to)) ? "☑" : "☐") : ordered ? doc.sliceString(bullet.from, bullet.to) : "•◦▪"[Math.min(depth, 3) - 1];
    for (let n = line.number; n <= doc.lines && doc.line(n).from <= node.to; n += 1) {
      decorations.push(Decoration.line({ class: `e-item e-d${Math.min(depth, 5)}${n === line.number ? " e-item-first" : ""}` }).range(doc.line(n).from));
    }
    const after = spaceAfter(task?.to ?? bullet.to);
    const from = /^\s*$/.test(line.text.slice(0, bullet.from - line.from)) ? line.from : bullet.from;
    const toggle = (view, pos) => {
      const place = view.state.sliceDoc(pos, pos + 40).indexOf("[") + pos + 1;
      view.dispatch({ changes: { from: place, to: place + 1, insert: words === "☑" ? " " : "x" }, userEvent: "input" });
    };
    if (after > bullet.to) sign(from, after, new Widget(`sign ${words}`, (view) => {
      const drawn = el("span", { class: "e-sign" }, words);
      if (task && !state.readOnly) drawn.onclick = () => toggle(view, view.posAtDOM(drawn));
      return drawn;
    }));
  };
  const table = (node) => {
    if (node.node.parent.name !== "Document") return lines("e-source", node.from, node.to);
    const from = doc.lineAt(node.from).from, { to } = doc.lineAt(node.to), range = [from, to];
    const widget = new TableWidget(doc.sliceString(...range), options);
    const deco = Decoration.replace({ widget, block: true }).range(...range);
    decorations.push(deco);
    atoms.push(deco);
    whole.push({ from, to, table: true });
  };
  const box = (node) => {
    const [, kind, title] = /^:{3,}\s*(\S*)\s*(.*)$/.exec(doc.sliceString(node.from, node.to)) ?? [];
    if (!kind && boxes.length) lines("e-box", boxes.pop(), node.to);
    else if (kind) boxes.push(node.from);
    if (touched(node.from, node.to)) return mark("e-quiet", node.from, node.to);
    if (!kind) lines("e-box-end", node.from, node.to);
    const words = `${options.labels.boxes[kind] ?? kind}${title && `：${title}`}`;
    replace(node.from, node.to, kind && new Widget(`box ${words}`, () => el("span", { class: "e-box-name" }, words)));
  };

  tree.iterate({
    enter(node) {
      const { name, from, to } = node;
      if (name === "Table") { table(node); return node.node.parent.name !== "Document"; }
      if (BLOCKS[name]) lines(BLOCKS[name], from, to);
      if (WHOLE.has(name)) { whole.push({ from, to }); return false; }
      if (MARKED[name]) marks(node, MARKED[name]);
      else if (SHOWN[name]) mark(SHOWN[name], from, to);
      if (name === "Note" && !touched(from, to)) { replace(from, from + 2); replace(to - 1, to); }
      if (/^(ATX|Setext)Heading/.test(name)) heading(node);
      else if (name === "ListItem") item(node);
      else if (name === "Box") box(node);
      else if (name === "QuoteMark") sign(from, spaceAfter(to));
      else if (name === "Escape" && !touched(from, to)) replace(from, from + 1);
      else if (name === "HorizontalRule" && !touched(from, to)) replace(from, to, new Widget("rule", () => el("span", { class: "e-rule" })));
      else if (name === "Image") {
        const parts = pictureParts(state, from, to);
        if (parts) replace(from, parts.to, pictureWidget(parts, options));
        return !parts;
      }
      return true;
    },
  });
  return { decorations: Decoration.set(decorations, true), atoms, signs, whole: whole.sort((a, b) => a.from - b.from) };
}

// Blank lines that only part two blocks: drawn as a gap, never entered, deleted as one. A line in the middle of three is
// an empty paragraph. A table has no place for a caret of the text's either.
function gaps({ doc }, whole) {
  const found = [], blank = (n) => n < 1 || n > doc.lines || !/\S/.test(doc.line(n).text);
  const inside = (pos) => whole.some(({ from, to, table }) => !table && from <= pos && pos < to);
  for (let n = 1; n <= doc.lines; n += 1) {
    const line = doc.line(n);
    if (!blank(n) || (blank(n - 1) && blank(n + 1)) || inside(line.from)) continue;
    found.push({ from: line.from, to: line.to, back: n > 1 && line.from - 1, on: n < doc.lines && line.to + 1 });
  }
  return found;
}

// Everything that is drawn, kept for one document and selection.
export function preview(options) {
  const make = (state) => {
    const { decorations, atoms, whole, signs } = draw(state, options), parted = gaps(state, whole);
    const ranges = parted.map(({ from, to, back, on }) => Decoration.replace({}).range(back === false ? from : back, on === false ? to : on));
    const thin = parted.map(({ from }) => Decoration.line({ class: "e-gap" }).range(from));
    return {
      decorations: decorations.update({ add: thin, sort: true }), whole, parted, signs,
      atoms: Decoration.set([...atoms, ...joined(ranges)], true),
    };
  };
  const field = StateField.define({
    create: make,
    update(value, tr) {
      const grown = syntaxTree(tr.state) !== syntaxTree(tr.startState);
      return tr.docChanged || tr.selection || grown || tr.effects.some((one) => one.is(focused)) ? make(tr.state) : value;
    },
    provide: (self) => [
      EditorView.decorations.from(self, ({ decorations }) => decorations),
      EditorView.atomicRanges.of((view) => view.state.field(self).atoms),
    ],
  });
  // A click or a key that would set the caret into a gap or beside a table sets it to the next text.
  const landing = EditorState.transactionFilter.of((tr) => {
    const head = tr.selection?.main.head;
    if (head === undefined || tr.docChanged || !tr.selection.main.empty) return tr;
    const { parted, whole, signs } = tr.startState.field(field), before = tr.startState.selection.main.head;
    const stops = [...parted, ...signs, ...whole.filter(({ table }) => table).map(({ from, to }) => ({ from, to, back: from > 0 && from - 1, on: to < tr.newDoc.length && to + 1 }))];
    const at = (pos) => stops.find(({ from, to }) => from <= pos && pos <= to);
    const walk = (pos, way) => {
      let stop = at(pos);
      while (stop && pos !== false) { pos = stop[way]; stop = pos !== false && at(pos); }
      return pos;
    };
    if (!at(head)) return tr;
    const ways = head > before ? ["on", "back"] : ["back", "on"];
    const anchor = ways.map((way) => walk(head, way)).find((pos) => pos !== false);
    return anchor === undefined ? tr : [tr, { selection: { anchor }, sequential: true }];
  });
  const focus = EditorView.focusChangeEffect.of((_, on) => focused.of(on));
  return { field, extension: [hasFocus, field, landing, focus] };
}

function joined(ranges) {
  const all = [];
  for (const range of ranges) {
    const last = all.at(-1);
    if (last && last.to > range.from) all[all.length - 1] = Decoration.replace({}).range(last.from, Math.max(last.to, range.to));
    else all.push(range);
  }
  return all;
}
