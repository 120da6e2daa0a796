// The editor of articles: Markdown that looks like the article, with a toolbar. What is not touched keeps its bytes.

import { defaultKeymap, history, historyKeymap, indentLess, indentMore, redo, undo } from "@codemirror/commands";
import { syntaxHighlighting, syntaxTree } from "@codemirror/language";
import { deleteMarkupBackward, insertNewlineContinueMarkupCommand } from "@codemirror/lang-markdown";
import { openSearchPanel, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorSelection, EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tagHighlighter, tags } from "@lezer/highlight";
import { el, icon } from "./dom.js";
import { pictureParts, preview } from "./preview.js";
import { article } from "./syntax.js";
import { focusTable } from "./table.js";

const LABELS = {
  toolbar: "Format", heading: "Heading", subheading: "Subheading", bold: "Bold", italic: "Italic", list: "List", numbered: "Numbered list",
  quote: "Quote", link: "Link", picture: "Picture", table: "Table", divider: "Divider", undo: "Undo", redo: "Redo", find: "Find",
  source: "Source", visual: "Visual", ok: "OK", cancel: "Cancel", remove: "Remove", words: "Words", address: "Address", rows: "Rows", columns: "Columns",
  alt: "What it shows", caption: "Caption", width: "Width, such as 50%", editPicture: "Describe this picture", pictureMissing: "No picture:",
  uploading: "Uploading {name}", uploadFailed: "{name} was not uploaded", pasting: "Pasting", cell: "Row {row}, column {column}",
  addRow: "Add row", addColumn: "Add column", align: "Align", deleteRow: "Delete row", deleteColumn: "Delete column", deleteTable: "Delete table",
  boxes: {}, search: {},
};
const ICONS = {
  list: "M7 5h10M7 10h10M7 15h10M3 5h.01M3 10h.01M3 15h.01", numbered: "M8 5h9M8 10h9M8 15h9M3 3.5l1-.5v4M2.5 12h2.2l-2.2 4h2.4",
  quote: "M3 11h5v5H3zM3 11c0-4 1-6 4-7M12 11h5v5h-5zM12 11c0-4 1-6 4-7", link: "M8.5 11.5l3-3M9 6.5l2-2a3.2 3.2 0 0 1 4.5 4.5l-2 2M11 13.5l-2 2A3.2 3.2 0 0 1 4.500 11l2-2",
  picture: "M3 4h14v12H3zM3 14l4-4 3 3 3-4 4 5M7.500 7.500h.01", table: "M3 4h14v12H3zM3 8.500h14M3 12.500h14M8 4v12M13 4v12", divider: "M3 10h14",
  undo: "M7 4L3.500 7.500 7 11M4 7.500h8a4 4 0 0 1 0 8H8", redo: "M13 4l3.500 3.500L13 11M16 7.500H8a4 4 0 0 0 0 8h4", find: "M13 13l4 4M3 8.500a5.500 5.500 0 1 1 11 0a5.500 5.500 0 1 1-11 0",
};
const LETTERS = { bold: "B", italic: "I" };
const COLOURS = tagHighlighter([
  { tag: tags.heading, class: "e-strong" }, { tag: tags.strong, class: "e-strong" }, { tag: tags.emphasis, class: "e-em" },
  { tag: tags.processingInstruction, class: "e-quiet" }, { tag: [tags.url, tags.link], class: "e-link" }, { tag: tags.monospace, class: "e-inline-code" },
]);
const KEEP_ENTER = /^(FencedCode|CodeBlock|HTMLBlock|CommentBlock|FrontMatter|Table)$/;

// --- what the buttons do ------------------------------------------------------------------------

const around = (state, name, pos = state.selection.main.head) => {
  for (const side of [-1, 1]) for (let node = syntaxTree(state).resolveInner(pos, side); node; node = node.parent) if (node.name === name) return node;
  return null;
};

// Marks the words, or takes the marks away where the caret is inside marked words.
const wrap = (sign, name) => (view) => {
  const { state } = view;
  const update = state.changeByRange((range) => {
    const node = around(state, name, range.head);
    if (node) {
      const changes = [{ from: node.from, to: node.from + sign.length }, { from: node.to - sign.length, to: node.to }];
      return { changes, range: range.map(state.changes(changes)) };
    }
    const changes = [{ from: range.from, insert: sign }, { from: range.to, insert: sign }];
    return { changes, range: EditorSelection.range(range.anchor + sign.length, range.head + sign.length) };
  });
  view.dispatch(update, { userEvent: "input" });
  return true;
};

// Puts a sign before each chosen line, or takes it away where every line has it; another sign of its kind gives way.
const prefix = (sign, kind) => (view) => {
  const { doc, selection } = view.state, { from, to } = selection.main, lines = [];
  for (let n = doc.lineAt(from).number; n <= doc.lineAt(to).number; n += 1) if (doc.line(n).text.trim() || from === to) lines.push(doc.line(n));
  const made = lines.map((_, n) => (typeof sign === "function" ? sign(n) : sign));
  const off = lines.every(({ text }, n) => text.startsWith(made[n]));
  const changes = lines.map((line, n) => ({ from: line.from, to: line.from + (kind.exec(line.text)?.[0].length ?? 0), insert: off ? "" : made[n] }));
  const set = view.state.changes(changes);
  view.dispatch({ changes: set, selection: selection.map(set, 1), userEvent: "input" });
  return true;
};
const LIST = /^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ x]\]\s)?|^#{1,6} /;
const COMMANDS = {
  heading: prefix("## ", /^#{1,6} /), subheading: prefix("### ", /^#{1,6} /), bold: wrap("**", "StrongEmphasis"), italic: wrap("*", "Emphasis"),
  list: prefix("- ", LIST), numbered: prefix((n) => `${n + 1}. `, LIST), quote: prefix("> ", /^> ?/),
  divider: (view) => insertBlock(view, "---"), undo, redo, find: openSearchPanel,
};
const STATES = { heading: "ATXHeading2", subheading: "ATXHeading3", bold: "StrongEmphasis", italic: "Emphasis", list: "BulletList", numbered: "OrderedList", quote: "Blockquote", link: "Link" };

// Inserts a block of its own: after the block at `pos`, or in the midst of it; returns where it begins.
function insertBlock(view, text, pos = view.state.selection.main.head, amidst = false) {
  const { doc } = view.state, line = doc.lineAt(pos);
  let at = amidst ? pos : line.from;
  if (!amidst && line.text.trim()) {
    let node = syntaxTree(view.state).resolveInner(pos, pos === line.from ? 1 : -1);
    while (node.parent && node.parent.name !== "Document") node = node.parent;
    at = doc.lineAt(node.name === "Document" ? line.to : node.to).to;
  }
  const before = /\n*$/.exec(doc.sliceString(0, at))[0].length, after = /^\n*/.exec(doc.sliceString(at))[0].length;
  const insert = `${"\n".repeat(at ? Math.max(0, 2 - before) : 0)}${text}`, rest = "\n".repeat(Math.max(0, 2 - after));
  const from = at + insert.length - text.length;
  view.dispatch({ changes: { from: at, insert: insert + rest }, selection: { anchor: from + text.length + 2 }, scrollIntoView: true, userEvent: "input" });
  return from;
}

// Enter leaves an empty item or line of a quotation, continues one with words, makes a paragraph where text is, and a
// line where lines count.
const proceed = insertNewlineContinueMarkupCommand({ nonTightLists: false });
const enter = (view) => {
  const { state } = view, { head, empty } = state.selection.main, line = state.doc.lineAt(head);
  for (let node = syntaxTree(state).resolveInner(head, -1); empty && node; node = node.parent) if (KEEP_ENTER.test(node.name)) return false;
  if (/^(?:> ?|[-*+] |\d+[.)] )(?:\[[ xX]\] )?$/.test(line.text)) return part(view, line, line.to);
  if (proceed(view)) return true;
  if (/^\s{0,3}:::/.test(line.text)) return false;
  view.dispatch(state.replaceSelection(line.text.trim() ? "\n\n" : "\n"), { scrollIntoView: true, userEvent: "input" });
  return true;
};
// Takes the sign before a line away, and parts it from the lines around it: else it would still belong to them.
function part(view, line, to) {
  const { doc } = view.state, full = (n) => n >= 1 && n <= doc.lines && Boolean(doc.line(n).text.trim());
  const insert = full(line.number - 1) ? "\n" : "", after = full(line.number + 1) ? [{ from: line.to, insert: "\n" }] : [];
  view.dispatch({ changes: [{ from: line.from, to, insert }, ...after], selection: { anchor: line.from + insert.length }, scrollIntoView: true, userEvent: "delete" });
  return true;
}
const unsign = (field) => (view) => {
  const { head, empty } = view.state.selection.main, line = view.state.doc.lineAt(head);
  const whole = view.state.field(field).signs.some(({ from, on }) => from === line.from && on === head);
  return empty && whole && part(view, line, head);
};
const intoTable = (field, down) => (view) => {
  const { main } = view.state.selection, moved = view.moveVertically(main, down).head, { doc } = view.state;
  if (!main.empty || (doc.lineAt(moved).number === doc.lineAt(main.head).number && moved !== main.head && (down ? moved < doc.lineAt(main.head).to : moved > doc.lineAt(main.head).from))) return false;
  const table = view.state.field(field).whole.filter((one) => one.table)
    .find(({ from, to }) => (down ? !doc.sliceString(doc.lineAt(main.head).to, from).trim() && from > main.head : !doc.sliceString(to, doc.lineAt(main.head).from).trim() && to < main.head));
  return Boolean(table) && focusTable(view, table.from, down ? 0 : -1, 0);
};
// Leaves a line whose sign is drawn otherwise: the caret never stands before the sign.
const leaveLine = (field) => ({ state, dispatch }) => {
  const { main } = state.selection, line = state.doc.lineAt(main.head);
  if (!main.empty || !line.from || !state.field(field).signs.some(({ from, on }) => from >= line.from && on === main.head)) return false;
  dispatch(state.update({ selection: { anchor: line.from - 1 }, scrollIntoView: true, userEvent: "select" }));
  return true;
};
const inList = (command) => (view) => Boolean(around(view.state, "ListItem")) && command(view);

// --- the door -----------------------------------------------------------------------------------

/** Makes an editor in `parent`. `upload(file)` promises the path of a stored picture, `pictureUrl(path)` is where one is
 * served, `onPasteHtml(html, text)` promises Markdown, `labels` names everything that is shown. */
export function createEditor({
  parent, value = "", onChange = () => {}, upload = null, onPasteHtml = null, label = "", labels: named = {}, readOnly = false, pictureUrl = () => "",
}) {
  const labels = { ...LABELS, ...named }, mode = new Compartment(), waiting = new Set();
  let quiet = false, windows = false, visual = true, asking = null;
  const status = el("output", { class: "e-status" });
  const asked = el("form", { class: "e-ask", hidden: "" });
  const drawn = preview({ labels, readOnly, pictureUrl, editPicture });
  const text = (state) => { const all = state.sliceDoc(); return windows ? all.replaceAll("\n", "\r\n") : all; };
  // Line ends of Windows stay when all lines have them; a mixture stays as it is.
  const taken = (given) => {
    windows = /\r\n/.test(given) && !/(^|[^\r])\n|\r(?!\n)/.test(given);
    return windows ? given.replaceAll("\r\n", "\n") : given;
  };

  // Asks for a few values below the toolbar; null when it was left.
  function ask(fields, removable = false) {
    asking?.(null);
    const inputs = fields.map(([name, preset, type = "text"]) => el("input", { name, type, value: preset, autocomplete: "off", ...(type === "number" ? { min: 1, max: 50 } : {}) }));
    const button = (name, answer) => { const one = el("button", { type: name === "ok" ? "submit" : "button", "data-do": name }, labels[name]); if (answer) one.onclick = () => asking?.(answer()); return one; };
    asked.replaceChildren(
      ...inputs.map((input) => el("label", {}, el("span", {}, labels[input.name]), input)),
      button("ok"), ...(removable ? [button("remove", () => "remove")] : []), button("cancel", () => null),
    );
    asked.hidden = false;
    inputs[0].focus();
    inputs[0].select();
    return new Promise((done) => {
      asking = (answer) => { asking = null; asked.hidden = true; view.focus(); done(answer); };
      asked.onsubmit = (event) => { event.preventDefault(); asking?.(Object.fromEntries(inputs.map((input) => [input.name, input.value.trim()]))); };
      asked.onkeydown = (event) => { if (event.key === "Escape") { event.preventDefault(); asking?.(null); } };
    });
  }

  // Follows a place in the text while something is awaited.
  async function at(pos, work) {
    const place = { pos };
    waiting.add(place);
    try { return [await work, place.pos]; } finally { waiting.delete(place); }
  }

  async function addPictures(files, pos) {
    let place = pos;
    for (const file of files) {
      status.textContent = labels.uploading.replace("{name}", file.name);
      try {
        const [path, now] = await at(place, upload(file));
        const alt = /^(image|img[_-]?\d*|\d+)$/i.test(file.name.replace(/\.\w+$/, "")) ? "" : file.name.replace(/\.\w+$/, "").replace(/[[\]]/g, "");
        place = insertBlock(view, `![${alt}](${/[\s()]/.test(path) ? `<${path}>` : path})`, now);
        status.textContent = "";
      } catch (error) {
        status.textContent = labels.uploadFailed.replace("{name}", file.name) + (error?.message ? `: ${error.message}` : "");
      }
    }
  }

  async function editPicture(_, pos) {
    const node = around(view.state, "Image", pos), parts = node && pictureParts(view.state, node.from, node.to);
    if (!parts || readOnly) return;
    view.dispatch({ selection: { anchor: parts.from, head: parts.to } });
    const [given, from] = await at(parts.from, ask([["alt", parts.alt], ["caption", parts.caption], ["width", parts.width]], true));
    if (!given) return;
    const path = view.state.sliceDoc(from, from + parts.to - parts.from).includes(`<${parts.path}>`) ? `<${parts.path}>` : parts.path;
    const caption = given.caption && ` "${given.caption.replaceAll(/\\?"/g, '\\"')}"`, width = given.width && `{width=${given.width}}`;
    const insert = given === "remove" ? "" : `![${given.alt}](${path}${caption})${width}`;
    view.dispatch({ changes: { from, to: from + parts.to - parts.from, insert }, userEvent: "input" });
  }

  async function link() {
    const { from, to } = view.state.selection.main, node = around(view.state, "Link");
    const found = node && /^\[([\s\S]*)\]\(([\s\S]*)\)$/.exec(view.state.sliceDoc(node.from, node.to));
    const given = await ask([["words", found ? found[1] : view.state.sliceDoc(from, to)], ["address", found ? found[2] : "https://"]], Boolean(found));
    if (!given) return;
    const insert = given === "remove" ? found[1] : `[${given.words || given.address}](${given.address})`;
    const range = found ? { from: node.from, to: node.to } : { from, to };
    view.dispatch({ changes: { ...range, insert }, selection: { anchor: range.from + insert.length }, userEvent: "input" });
  }

  async function table() {
    const given = await ask([["rows", "3", "number"], ["columns", "3", "number"]]);
    if (!given) return;
    const rows = Math.min(50, Number(given.rows) || 2), row = `|${"  |".repeat(Math.min(20, Number(given.columns) || 2))}`;
    const from = insertBlock(view, [row, row.replaceAll("  ", " --- "), ...Array(Math.max(1, rows - 1)).fill(row)].join("\n"));
    focusTable(view, from, 0, 0);
  }

  function picture() {
    const chooser = el("input", { type: "file", accept: "image/*", multiple: "" });
    chooser.onchange = () => addPictures([...chooser.files], view.state.selection.main.head);
    chooser.click();
  }

  function setVisual(on) {
    visual = on;
    view.dispatch({ effects: mode.reconfigure(modeOf()) });
    root.classList.toggle("is-source", !on);
    mark();
    view.focus();
  }

  // --- the toolbar --------------------------------------------------------------------------------

  const own = { link, table, picture, source: () => setVisual(!visual) };
  const names = ["heading", "subheading", "bold", "italic", "", "list", "numbered", "quote", "", "link", ...(upload ? ["picture"] : []), "table", "divider", "", "undo", "redo", "find", "", "source"];
  const buttons = new Map();
  const bar = el("div", { class: "e-bar", role: "toolbar", "aria-label": labels.toolbar }, ...names.map((name, n) => {
    if (!name) return el("span", { class: n === names.length - 2 ? "e-space" : "e-part" });
    const button = el("button", { type: "button", title: labels[name], "aria-label": labels[name], tabindex: buttons.size ? -1 : 0, class: "e-button", "data-do": name });
    button.append(ICONS[name] ? icon(ICONS[name]) : LETTERS[name] ?? labels[name]);
    button.disabled = readOnly && name !== "find" && name !== "source";
    button.onmousedown = (event) => event.preventDefault(); // the text keeps the caret
    button.onclick = () => press(name);
    buttons.set(name, button);
    return button;
  }));
  bar.onkeydown = ({ key }) => {
    const all = [...buttons.values()].filter(({ disabled }) => !disabled), now = all.indexOf(document.activeElement);
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1 }[key];
    if (to === undefined) return;
    all.forEach((one) => { one.tabIndex = -1; });
    all.at(to % all.length).tabIndex = 0;
    all.at(to % all.length).focus();
  };

  function press(name) {
    const cell = document.activeElement, sign = { bold: "**", italic: "*" }[name];
    if (cell?.closest?.(".e-table") && sign) document.execCommand("insertText", false, `${sign}${getSelection()}${sign}`);
    else if (own[name]) own[name]();
    else { COMMANDS[name](view); if (name !== "find") view.focus(); }
  }

  function mark() {
    for (const [name, node] of Object.entries(STATES)) buttons.get(name).setAttribute("aria-pressed", Boolean(around(view.state, node)));
    buttons.get("source").setAttribute("aria-pressed", !visual);
  }

  // --- the text -----------------------------------------------------------------------------------

  const key = (name, run, more = {}) => ({ key: name, run, ...more });
  const keys = [
    key("Mod-b", COMMANDS.bold), key("Mod-i", COMMANDS.italic), key("Mod-k", () => { link(); return true; }),
    key("Tab", inList(indentMore), { shift: inList(indentLess) }), key("Backspace", deleteMarkupBackward),
  ];
  const visualKeys = [
    key("Enter", enter), key("Shift-Enter", (target) => { target.dispatch(target.state.replaceSelection("\\\n"), { userEvent: "input" }); return true; }),
    key("ArrowDown", intoTable(drawn.field, true)), key("ArrowUp", intoTable(drawn.field, false)),
    key("ArrowLeft", leaveLine(drawn.field)), key("Backspace", unsign(drawn.field)),
  ];
  const modeOf = () => (visual ? [drawn.extension, Prec.highest(keymap.of(readOnly ? [] : visualKeys))] : [syntaxHighlighting(COLOURS), keymap.of(readOnly ? [] : [key("Enter", proceed)])]);

  function take(data, pos, event) {
    const html = data.getData("text/html"), plain = data.getData("text/plain"), files = [...data.files].filter(({ type }) => type.startsWith("image/"));
    const words = html && plain.trim();
    if (readOnly || !((words && onPasteHtml) || (files.length && upload))) return false;
    event.preventDefault();
    if (words && onPasteHtml) pasteHtml(html, plain, pos);
    else addPictures(files, pos);
    return true;
  }

  async function pasteHtml(html, plain, pos) {
    const { from, to } = view.state.selection.main;
    if (from !== to && pos === from) view.dispatch({ changes: { from, to }, userEvent: "delete.cut" });
    status.textContent = labels.pasting;
    const [markdown, now] = await at(pos, onPasteHtml(html, plain).catch(() => plain));
    status.textContent = "";
    if (/\n\s*\n|^(#{1,6} |[-*+>] |\||!\[|:::|\d+\. |```)/.test(markdown.trim())) insertBlock(view, markdown.trim(), now, true);
    else view.dispatch({ changes: { from: now, insert: markdown }, selection: { anchor: now + markdown.length }, scrollIntoView: true, userEvent: "input.paste" });
  }

  const stateOf = (given) => {
    const doc = taken(given);
    return EditorState.create({
      doc,
      extensions: [
        /\r/.test(doc) ? EditorState.lineSeparator.of("\n") : [], article, history(), search({ top: true }), EditorState.phrases.of(labels.search),
        Prec.high(keymap.of(readOnly ? [] : keys)), mode.of(modeOf()), keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
        EditorView.lineWrapping, EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly),
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0", "aria-readonly": String(readOnly) }),
        EditorView.domEventHandlers({
          paste: (event) => Boolean(event.clipboardData) && take(event.clipboardData, view.state.selection.main.from, event),
          drop: (event) => Boolean(event.dataTransfer?.files.length) && take(event.dataTransfer, view.posAtCoords({ x: event.clientX, y: event.clientY }, false), event),
        }),
        EditorView.updateListener.of(({ docChanged, selectionSet, changes, state }) => {
          if (docChanged) for (const place of waiting) place.pos = changes.mapPos(place.pos, 1);
          if (docChanged && !quiet) onChange(text(state));
          if (docChanged || selectionSet) mark();
        }),
      ],
    });
  };
  const root = el("div", { class: "editor" }, bar, asked, status);
  parent.append(root);
  const view = new EditorView({ state: stateOf(value), parent: root });
  root.ondragover = (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); };
  root.ondrop = (event) => { // beside the text: at the caret, and the browser never opens the file
    if (!event.defaultPrevented && event.dataTransfer.files.length && !take(event.dataTransfer, view.state.selection.main.head, event)) event.preventDefault();
  };
  mark();

  return {
    value: () => text(view.state),
    setValue(given) {
      const now = view.state.sliceDoc(), next = taken(given);
      let start = 0, end = 0;
      while (start < Math.min(now.length, next.length) && now[start] === next[start]) start += 1;
      while (end < Math.min(now.length, next.length) - start && now.at(-1 - end) === next.at(-1 - end)) end += 1;
      quiet = true;
      if (/\r/.test(next) || /\r/.test(now)) view.setState(stateOf(given));
      else view.dispatch({ changes: { from: start, to: now.length - end, insert: next.slice(start, next.length - end) } });
      quiet = false;
    },
    insert(words) { view.dispatch(view.state.replaceSelection(words), { scrollIntoView: true, userEvent: "input" }); view.focus(); },
    focus() { view.focus(); },
    goTo(line) {
      const { from } = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },

    destroy() { view.destroy(); root.remove(); },
  };
}
