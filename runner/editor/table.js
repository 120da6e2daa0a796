// A table as a table: its cells are edited in place, and only what was typed is written into the Markdown.

import { redo, undo } from "@codemirror/commands";
import { WidgetType } from "@codemirror/view";
import { el, styled } from "./dom.js";

const ALIGNED = ["---", ":---", ":---:", "---:"];
const PIECE = /\{\{.*?\}\}|\{%.*?%\}|\\.|\|/g; // a bar in a template or behind a backslash parts no cells

// The cells of a line: where each one's words stand (`from`, `to`) and what lies between its bars (`start`, `bar`).
function cellsOf(line) {
  const { text, from } = line;
  const bars = [...text.matchAll(PIECE)].filter(([what]) => what === "|").map(({ index }) => index);
  const end = text.trimEnd().length;
  let start = bars[0] === text.search(/\S/) ? bars.shift() + 1 : 0;
  if (bars.at(-1) !== end - 1) bars.push(end);
  return bars.map((bar) => {
    const raw = text.slice(start, bar), lead = raw.search(/\S/);
    const first = lead < 0 ? Math.min(1, raw.length) : lead, words = raw.trim();
    const cell = { start: from + start, bar: from + bar, closed: bar < end, from: from + start + first, words };
    start = bar + 1;
    return { ...cell, to: cell.from + words.length };
  });
}

// Every line of a table that begins at `from`, the line of dashes too.
function linesOf({ doc }, from, source) {
  const first = doc.lineAt(from), lines = [];
  for (let n = first.number; lines.length < source.split("\n").length; n += 1) lines.push(doc.line(n));
  return lines.map((line) => ({ line, cells: cellsOf(line) }));
}

const shown = (words) => words.replace(/\\\|/g, "|");
const written = (words) => words.replace(/\s*\n\s*/g, " ").trim().replace(PIECE, (what) => (what === "|" ? "\\|" : what));
const alignOf = (dashes = "") => (dashes.endsWith(":") ? (dashes.startsWith(":") ? "center" : "right") : "");
const caretToEnd = (cell) => { cell.focus(); getSelection().selectAllChildren(cell); getSelection().collapseToEnd(); };

export class TableWidget extends WidgetType {
  constructor(source, options) {
    super();
    this.source = source;
    this.options = options;
  }

  eq(other) { return other.source === this.source; }
  get estimatedHeight() { return 40 * this.source.split("\n").length; }
  ignoreEvent() { return true; }

  toDOM(view) {
    const dom = el("div", { class: "e-table", contenteditable: "false" });
    this.draw(dom, view);
    return dom;
  }

  updateDOM(dom, view) {
    const rows = this.rows();
    const old = [...dom.querySelectorAll("tr")].map((row) => row.cells.length);
    if (old.length !== rows.length || rows.some((row, n) => Math.max(row.length, this.width) !== old[n])) return false;
    dom.widget = this;
    dom.querySelectorAll("tr").forEach((tr, y) => [...tr.cells].forEach((td, x) => this.fill(td, rows[y][x] ?? "", x)));
    return true;
  }

  rows() {
    const rows = this.source.split("\n").map((text) => cellsOf({ text, from: 0 }).map(({ words }) => words));
    [this.dashes] = rows.splice(1, 1);
    this.width = rows[0].length;
    return rows;
  }

  fill(td, words, x) {
    const cell = td.firstChild;
    td.className = `e-cell ${alignOf(this.dashes[x])}`;
    if (cell.words === words) return;
    cell.words = words;
    if (document.activeElement !== cell) cell.replaceChildren(...styled(shown(words)));
    else if (written(cell.textContent) !== words) { cell.textContent = shown(words); caretToEnd(cell); }
  }

  draw(dom, view) {
    const { labels, readOnly } = this.options;
    dom.widget = this;
    const rows = this.rows();
    const lines = rows.map((row, y) => el("tr", {}, ...Array.from({ length: Math.max(row.length, this.width) }, (_, x) => {
      const place = labels.cell.replace("{row}", y + 1).replace("{column}", x + 1);
      const cell = el("div", { role: "textbox", "aria-label": place, ...(readOnly ? {} : { contenteditable: "plaintext-only" }) });
      const td = el(y ? "td" : "th", {}, cell);
      this.fill(td, row[x] ?? "", x);
      return td;
    })));
    const buttons = ["addRow", "addColumn", "align", "deleteRow", "deleteColumn", "deleteTable"].map((name) => {
      const button = el("button", { type: "button" }, labels[name]);
      button.onclick = () => { const [y, x] = dom.at ?? [0, 0]; change(view, dom, name, y, x); };
      button.onmousedown = (event) => event.preventDefault();
      return button;
    });
    const tools = readOnly ? [] : [el("div", { class: "e-table-tools", role: "toolbar", "aria-label": labels.table }, ...buttons)];
    dom.replaceChildren(...tools, el("div", { class: "e-table-scroll" }, el("table", {}, ...lines)));
    const listen = (name, run) => dom.addEventListener(name, (event) => { if (event.target.role === "textbox") run(event); });
    listen("focusin", ({ target }) => enter(dom, target));
    listen("focusout", ({ target }) => target.replaceChildren(...styled(shown(target.words))));
    listen("input", (event) => { if (!event.isComposing) write(view, dom, event.target); });
    listen("compositionend", ({ target }) => write(view, dom, target));
    listen("keydown", (event) => { if (!event.isComposing) key(view, dom, event); });
  }
}

function enter(dom, cell) {
  dom.at = [cell.parentNode.parentNode.rowIndex, cell.parentNode.cellIndex];
  if (cell.isContentEditable && cell.firstElementChild) cell.textContent = shown(cell.words);
}

const tableLines = (view, dom) => linesOf(view.state, view.posAtDOM(dom), dom.widget.source);
const cellAt = (dom, y, x) => dom.querySelectorAll("tr")[y]?.cells[x]?.firstChild;

function write(view, dom, cell) {
  const [y, x] = dom.at, insert = written(cell.textContent);
  if (insert === cell.words) return;
  const { line, cells } = tableLines(view, dom)[y && y + 1];
  const known = cells[x];
  const missing = `${cells.at(-1)?.closed ? "" : " |"}${"  |".repeat(Math.max(0, x - cells.length))} ${insert} |`;
  view.dispatch({
    changes: known ? { from: known.from, to: known.to, insert } : { from: line.to, insert: missing },
    userEvent: "input.type",
  });
}

// Where the caret goes when it leaves a table downwards; a paragraph is made when there is none.
function leave(view, dom, down) {
  const lines = tableLines(view, dom), { doc } = view.state, { from } = lines[0].line, { to } = lines.at(-1).line;
  const next = /\S/.exec(doc.sliceString(to)), before = doc.sliceString(0, from).trimEnd().length;
  view.focus();
  if (!down) return view.dispatch({ selection: { anchor: before }, scrollIntoView: true });
  if (next) return view.dispatch({ selection: { anchor: to + next.index }, scrollIntoView: true });
  const insert = "\n".repeat(Math.max(0, 2 - (doc.length - to)));
  return view.dispatch({ changes: { from: doc.length, insert }, selection: { anchor: doc.length + insert.length }, scrollIntoView: true });
}

function key(view, dom, event) {
  const [y, x] = dom.at, { length } = dom.querySelectorAll("tr"), command = event.ctrlKey || event.metaKey;
  const last = y === length - 1 && !cellAt(dom, y, x + 1);
  const go = (cell) => { if (cell) caretToEnd(cell); return cell; };
  const history = command && event.key.toLowerCase() === "z" ? (event.shiftKey ? redo : undo) : command && event.key === "y" && redo;
  if (history) history(view);
  else if (event.key === "Tab" && event.shiftKey) { if (!go(cellAt(dom, y, x - 1) ?? cellAt(dom, y - 1, dom.querySelectorAll("tr")[y - 1]?.cells.length - 1))) return; }
  else if (event.key === "Tab") { if (last) change(view, dom, "addRow", y, -1); else go(cellAt(dom, y, x + 1) ?? cellAt(dom, y + 1, 0)); }
  else if (event.key === "Escape") leave(view, dom, true);
  else if (event.key === "ArrowDown" || event.key === "Enter") { if (!go(cellAt(dom, y + 1, x))) leave(view, dom, true); }
  else if (event.key === "ArrowUp") { if (!go(cellAt(dom, y - 1, x))) leave(view, dom, false); }
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// What each button does to the lines of a table, and which cell has the caret then.
const CHANGES = {
  addRow: (lines, y, x) => ({ changes: { from: lines[y && y + 1 || 1].line.to, insert: `\n|${"  |".repeat(lines[0].cells.length)}` }, at: [y + 1, Math.max(0, x < 0 ? 0 : x)] }),
  deleteRow: (lines, y, x) => (y ? { changes: { from: lines[y].line.to, to: lines[y + 1].line.to }, at: [y - 1, x] } : null),
  addColumn: (lines, y, x) => ({
    changes: lines.filter(({ cells }) => cells[x]).map(({ cells }, n) => ({ from: cells[x].bar, insert: `${cells[x].closed ? "" : " "}| ${n === 1 ? "---" : ""} ${cells[x].closed ? "" : "|"}` })),
    at: [y, x + 1],
  }),
  deleteColumn: (lines, y, x) => (lines[0].cells.length > 1 ? {
    changes: lines.filter(({ cells }) => cells[x]).map(({ cells: { [x]: cell } }) => ({ from: cell.start - !cell.closed, to: cell.bar + cell.closed })),
    at: [y, Math.max(0, x - 1)],
  } : null),
  align: (lines, y, x) => {
    const cell = lines[1].cells[x], name = { "": 0, center: 2, right: 3 }[alignOf(cell?.words)];
    return cell && { changes: { from: cell.from, to: cell.to, insert: ALIGNED[{ 0: 2, 2: 3, 3: 0 }[name]] }, at: [y, x] };
  },
  deleteTable: (lines) => ({ changes: { from: lines[0].line.from, to: lines.at(-1).line.to } }),
};

function change(view, dom, name, y, x) {
  const from = view.posAtDOM(dom), done = CHANGES[name](tableLines(view, dom), y, x);
  if (!done) return;
  view.dispatch({ changes: done.changes, userEvent: "input", ...(done.at ? {} : { selection: { anchor: from } }) });
  if (done.at) focusTable(view, from, ...done.at);
  else view.focus();
}

// Puts the caret into a cell of the table that begins at `from`; false when none does.
export function focusTable(view, from, y, x) {
  const dom = [...view.contentDOM.querySelectorAll(".e-table")].find((one) => view.posAtDOM(one) === from);
  const cell = dom && cellAt(dom, y < 0 ? dom.querySelectorAll("tr").length - 1 : y, x);
  if (cell) caretToEnd(cell);
  return Boolean(cell);
}
