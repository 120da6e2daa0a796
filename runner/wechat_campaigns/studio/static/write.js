// Writing: the form of a message, saved while it is typed; what begins, ends and sends a piece of work for review.

import { by, el } from "/phone/dom.js";
import { ask, marked, say, send } from "./talk.js";
import { createWords } from "./words.js";

const SAVE_MS = 500; // after the last key
const MAX_UPLOAD = 20_000_000;

const now = {
  work: "", id: "", stamp: "", fields: [], tags: [],
  waiting: new Map(), // by path: the change that is not saved yet
  sending: false, failed: "", timer: 0, editors: [],
};

export const isDirty = () => now.waiting.size > 0 || now.sending || now.editors.some((one) => one.isDirty());

const keyOf = (path) => JSON.stringify(path);

// --- saving ---------------------------------------------------------------------------------

function status(words, tone = "") {
  by("saved").textContent = words;
  by("saved").className = tone;
}

function change(path, value, wait = SAVE_MS) {
  now.waiting.set(keyOf(path), { path, value });
  status(say("unsaved"));
  clearTimeout(now.timer);
  now.timer = setTimeout(save, wait);
}

export async function save() {
  clearTimeout(now.timer);
  if (now.sending) return;
  const sent = [...now.waiting];
  if (sent.length) {
    now.sending = true;
    const answer = await send("/save", { work: now.work, id: now.id, seen: now.stamp, changes: sent.map(([, one]) => one) });
    now.sending = false;
    if (answer.error) return refused(answer);
    for (const [key, one] of sent) if (now.waiting.get(key) === one) now.waiting.delete(key);
    now.stamp = answer.stamp;
    if (answer.redraw) await redraw();
    if (now.waiting.size) return save();
  }
  for (const one of now.editors) if (!(await one.save())) return;
  status(say("all_saved", { time: new Date().toLocaleTimeString("en-GB").slice(0, 5) }), "fine");
  fault("");
}

function refused({ error, hint, status: code }) {
  status(say("not_saved"), "bad");
  const choices = code === 409
    ? [button(say("take_theirs"), () => { now.waiting.clear(); redraw(); }), button(say("keep_mine"), async () => { now.stamp = (await ask("/data/form", { work: now.work, id: now.id }))?.stamp ?? now.stamp; save(); })]
    : [button(say("again"), save)];
  fault(error, hint, choices);
}

function fault(message, hint = "", choices = []) {
  by("fault").hidden = !message;
  by("fault").replaceChildren(el("p", {}, ...marked(message)), hint && el("p", { class: "remedy" }, "→ ", ...marked(hint)), el("div", { class: "row" }, ...choices));
}

const button = (words, onclick, more = {}) => el("button", { type: "button", class: "plain", onclick, ...more }, words);

// --- the form -------------------------------------------------------------------------------

export async function open(work, id) {
  if (now.work === work && now.id === id && now.fields.length) return;
  close();
  Object.assign(now, { work, id });
  await redraw();
}

export function close() {
  for (const one of now.editors) one.destroy();
  Object.assign(now, { work: "", id: "", stamp: "", fields: [], editors: [] });
  now.waiting.clear();
  by("form").replaceChildren();
  fault("");
}

async function redraw() {
  const { work, id } = now;
  const form = await ask("/data/form", { work, id });
  if (!form || now.work !== work || now.id !== id) return;
  if (form.error) return fault(form.error, form.hint);
  Object.assign(now, { stamp: form.stamp, file: form.file, fields: form.fields, tags: form.tags });
  for (const one of now.editors) one.destroy();
  now.editors = [];
  const groups = form.groups.map(({ title, open: isOpen, fields }) =>
    el("details", { class: "group", open: isOpen }, el("summary", {}, title), ...fields.map((at) => drawField(now.fields[at]))));
  by("form").replaceChildren(...groups);
  status(say("all_saved", { time: new Date().toLocaleTimeString("en-GB").slice(0, 5) }), "fine");
  place(now.problems ?? []);
}

// Problems stand at their field; what has no field stands above.
export function place(problems) {
  now.problems = problems;
  for (const box of by("form").querySelectorAll(".at")) box.replaceChildren();
  const rest = [];
  for (const one of problems) {
    const field = fieldOf(one.place);
    const box = field && [...by("form").querySelectorAll(".at")].find(({ dataset }) => dataset.path === keyOf(field.path));
    const shown = el("p", { class: `told ${one.level}` }, ...marked(one.message), one.hint && el("small", {}, " → ", ...marked(one.hint)));
    if (box) box.append(shown);
    else rest.push(shown);
  }
  by("rest").replaceChildren(...rest);
  by("rest").hidden = rest.length === 0;
}

// The narrowest field that a place is in: FILE:LINE:COLUMN, of the message or of its article.
function fieldOf(where) {
  const [, file, line] = /^(.*?)(?::(\d+))?(?::\d+)?$/.exec(where);
  const within = ({ lines }) => lines && lines[0] <= Number(line) && Number(line) <= lines[1];
  if (file === now.file && line) return now.fields.filter(within).sort((a, b) => a.lines[1] - a.lines[0] - (b.lines[1] - b.lines[0]))[0];
  return now.fields.find(({ type, value }) => type === "body" && value && file.endsWith(`/${value}`));
}

let count = 0;

function drawField(field) {
  const id = `field-${(count += 1)}`;
  const make = MAKERS[field.type] ?? MAKERS.yaml;
  const at = el("div", { class: "at", id: `${id}-at`, "data-path": keyOf(field.path), "aria-live": "polite" });
  const label = el("label", { for: id }, field.label, field.required && el("i", { title: say("required"), "aria-hidden": "true" }, " *"));
  const help = field.help && el("p", { class: "help", id: `${id}-help` }, ...marked(field.help));
  const made = make(field, { id, "aria-describedby": `${id}-at${field.help ? ` ${id}-help` : ""}` });
  if (field.type === "bool") return el("div", { class: "field bool" }, el("div", { class: "line" }, made, label), help, at);
  const counter = Boolean(field.max_chars) && counterOf(made, field.max_chars);
  return el("div", { class: `field ${field.type}` }, el("div", { class: "line" }, label, counter), made, help, at);
}

function counterOf(input, most) {
  const shown = el("span", { class: "counter" });
  const told = () => {
    const length = [...(input.value ?? "")].length;
    shown.textContent = `${length}/${most}`;
    shown.classList.toggle("over", length > most);
  };
  input.addEventListener("input", told);
  told();
  return shown;
}

const typed = (field, read = (input) => input.value) => ({
  oninput: ({ target }) => change(field.path, read(target)),
  onchange: () => save(),
});

const MAKERS = {
  text: (field, common) => el("input", { type: "text", value: field.value ?? "", placeholder: field.placeholder, ...common, ...typed(field) }),
  lines(field, common) {
    const box = el("textarea", { rows: 6, placeholder: field.placeholder, ...common, ...typed(field) });
    box.value = field.value ?? "";
    return box;
  },
  yaml(field, common) {
    const box = el("textarea", { rows: Math.min(12, String(field.value ?? "").split("\n").length + 1), class: "code", spellcheck: "false", ...common,
      oninput: ({ target }) => change(field.path, { yaml: target.value }, 1500), onchange: () => save() });
    box.value = field.value ?? "";
    return box;
  },
  bool: (field, common) => el("input", { type: "checkbox", checked: field.value === true, ...common, onchange: ({ target }) => change(field.path, target.checked, 0) }),
  number: (field, common) => el("input", { type: "number", min: 1, value: field.value ?? "", placeholder: field.default ?? "", ...common, ...typed(field, (input) => (input.value === "" ? null : Number(input.value))) }),
  choice(field, common) {
    const box = el("select", { ...common, onchange: ({ target }) => change(field.path, target.value || null, 0) },
      !field.required && el("option", { value: "" }, say("none_chosen")),
      ...field.choices.map(([value, label]) => el("option", { value, selected: value === field.value }, label)));
    return box;
  },
  moment: (field, common) => el("div", { class: "row" },
    el("input", { type: "datetime-local", value: String(field.value ?? "").replace(" ", "T"), ...common, onchange: ({ target }) => change(field.path, target.value ? target.value.replace("T", " ") : null, 0) }),
    el("small", {}, field.zone), field.value && button(say("clear"), () => { change(field.path, null, 0); setTimeout(redraw, 900); })),
  filter: drawFilter,
  picture: (field, common) => drawPicture(field, common),
  file: (field, common) => drawPicture(field, common),
  pictures: drawPictures,
  body: drawBody,
};

function drawFilter(field, common) {
  const value = field.value ?? {};
  const kind = ["tag", "tag_id", "openids", "is_to_all"].find((one) => one in value) ?? "tag";
  const more = el("div", { class: "more" });
  const pick = (chosen) => {
    if (chosen === "openids") {
      const list = value.openids ?? {};
      more.replaceChildren(
        el("p", {}, list.file ? `${list.file}${list.column ? ` · ${list.column}` : ""}` : say("list_help")),
        chooser(say("choose_list"), ".csv,.xlsx,.txt", (path) => { change(field.path, { openids: { file: path } }, 0); setTimeout(redraw, 900); }));
    } else if (chosen === "is_to_all") {
      more.replaceChildren(el("p", { class: "told warning" }, say("to_all_warning")));
      if (kind !== "is_to_all") more.append(button(say("to_all_yes"), () => { change(field.path, { is_to_all: true }, 0); }));
    } else {
      const input = el("input", { type: "text", list: "tags", value: value.tag ?? value.tag_id ?? "", placeholder: say("tag_name"), "aria-label": say("tag_name"),
        oninput: ({ target }) => target.value && change(field.path, chosen === "tag_id" ? { tag_id: Number(target.value) || target.value } : { tag: target.value }), onchange: () => save() });
      more.replaceChildren(input, el("datalist", { id: "tags" }, ...now.tags.map((name) => el("option", { value: name }))));
    }
  };
  const radios = [["tag", say("by_tag")], ["openids", say("by_list")], ["is_to_all", say("to_all")]].map(([name, label]) =>
    el("label", { class: "radio" }, el("input", { type: "radio", name: common.id, value: name, checked: name === (kind === "tag_id" ? "tag" : kind), onchange: () => pick(name) }), label));
  pick(kind);
  return el("div", { role: "radiogroup", ...common }, el("div", { class: "row" }, ...radios), more);
}

// A button that takes a file of this computer, and a place to drop it.
function chooser(words, accept, done) {
  const input = el("input", { type: "file", accept, class: "unseen", tabindex: "-1", onchange: ({ target }) => target.files[0] && take(target.files[0]) });
  const take = async (file) => {
    const path = await upload(file);
    if (path) done(path);
  };
  const box = el("div", { class: "drop" }, button(words, () => input.click()), input);
  box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  return box;
}

async function upload(file) {
  if (file.size > MAX_UPLOAD) return fault(say("too_large", { name: file.name })) ?? "";
  const answer = await send(`/upload?${new URLSearchParams({ work: now.work, id: now.id, name: file.name })}`, file);
  if (answer.error) fault(answer.error, answer.hint);
  return answer.path ?? "";
}

const fileUrl = (path) => `/file?${new URLSearchParams({ work: now.work, id: now.id, path })}`;

function drawPicture(field, common) {
  const path = typeof field.value === "string" ? field.value : field.value?.file ?? "";
  const words = path || field.value?.name || field.value?.media_id || "";
  const shown = field.type === "picture" && path && el("img", { src: fileUrl(path), alt: "", class: "thumb" });
  return el("div", { class: "row", ...common, tabindex: "-1" }, shown, words && el("code", {}, words),
    chooser(words ? say("replace") : say("choose_file"), field.accept ?? "image/*", (chosen) => { change(field.path, field.as_file ? { file: chosen } : chosen, 0); setTimeout(redraw, 900); }));
}

function drawPictures(field, common) {
  const list = Array.isArray(field.value) ? [...field.value] : [];
  const put = (items) => { change(field.path, items, 0); setTimeout(redraw, 900); };
  const pathOf = (one) => (typeof one === "string" ? one : one.file ?? "");
  const pattern = typeof field.value === "string" && el("code", {}, field.value); // until the first picture is chosen
  return el("div", { ...common, tabindex: "-1" }, pattern, el("ol", { class: "pictures" }, ...list.map((one, at) => el("li", {},
    pathOf(one) ? el("img", { src: fileUrl(pathOf(one)), alt: pathOf(one), class: "thumb" }) : el("code", {}, one.name ?? one.media_id),
    el("span", { class: "row" },
      button("←", () => put(moved(list, at, -1)), { "aria-label": say("earlier"), disabled: at === 0 }),
      button("→", () => put(moved(list, at, 1)), { "aria-label": say("later"), disabled: at === list.length - 1 }),
      button("×", () => put(list.filter((_, index) => index !== at)), { "aria-label": say("remove"), disabled: list.length === 1 }))))),
    chooser(say("add_picture"), "image/*", (path) => put([...list, field.as_file ? { file: path } : path])));
}

function moved(list, at, step) {
  const next = [...list];
  [next[at], next[at + step]] = [next[at + step], next[at]];
  return next;
}

// --- the text of an article --------------------------------------------------------------------

function drawBody(field, common) {
  const box = el("div", { class: "body", ...common, tabindex: "-1" });
  const page = field.value ?? "";
  const one = { stamp: "", text: "", editor: null, dirty: false, timer: 0, isDirty: () => one.dirty, destroy: () => { clearTimeout(one.timer); one.editor?.destroy(); }, save: () => saveText(one, page) };
  now.editors.push(one);
  begin(one, page, box);
  return box;
}

async function begin(one, path, box) {
  const { work, id } = now;
  const file = await ask("/data/text", { work, id, path });
  if (!file || now.work !== work) return;
  if (file.error) return box.replaceChildren(el("p", { class: "told error" }, file.error, " → ", file.hint ?? ""));
  one.stamp = file.stamp;
  const isHtml = path.endsWith(".html");
  const paste = isHtml && el("div", { class: "row" }, button(say("paste_again"), () => pasteInto(path)), el("small", {}, say("html_body")));
  const holder = el("div", { class: "writer" });
  box.replaceChildren(...(paste ? [paste, holder] : [holder]));
  const make = isHtml ? createWords : (await import("./editor.js").catch(() => ({ createEditor: plainEditor }))).createEditor;
  one.editor = make({
    parent: holder, value: file.text, label: say("article"), labels: say("editor"),
    pictureUrl: (picture) => (/^(https?:|data:)/.test(picture) ? "" : `/file?${new URLSearchParams({ work, id, path: picture, of: path })}`),
    upload: async (picture) => {
      const saved = await upload(picture);
      return saved && (await ask("/data/relative", { work, id, path: saved, of: path }))?.path;
    },
    onChange: (text) => {
      one.text = text;
      one.dirty = true;
      status(say("unsaved"));
      clearTimeout(one.timer);
      one.timer = setTimeout(save, SAVE_MS);
    },
  });
}

// Where the editor cannot be loaded, the text can still be written.
function plainEditor({ parent, value, onChange, label }) {
  const box = el("textarea", { class: "code", rows: 20, "aria-label": label, oninput: () => onChange(box.value) });
  box.value = value;
  parent.append(box);
  return { destroy: () => box.remove() };
}

async function saveText(one, path) {
  if (!one.dirty) return true;
  one.dirty = false;
  const answer = await send("/text", { work: now.work, id: now.id, path, text: one.text, seen: one.stamp });
  if (answer.error) {
    one.dirty = true;
    refused(answer);
    if (answer.status === 409) one.stamp = answer.stamp ?? one.stamp;
    return false;
  }
  one.stamp = answer.stamp;
  return true;
}

function pasteInto(path) {
  pasteDialog(say("paste_again"), async (html) => {
    const answer = await send("/import", { work: now.work, id: now.id, path, html });
    if (answer.error) return answer;
    await redraw();
    return answer;
  });
}

// Takes what was copied in another editor, or a page that was saved from it.
export function pasteDialog(title, done) {
  const told = el("div", { class: "told", role: "alert" });
  const box = el("div", { class: "paste", contenteditable: "true", role: "textbox", "aria-multiline": "true", "aria-label": say("paste_here"), "data-empty": say("paste_here") });
  const dialog = el("dialog", { class: "dialog", "aria-label": title });
  const take = async (html) => {
    told.textContent = say("reading");
    const answer = await done(html);
    if (answer?.error) return told.replaceChildren(el("p", {}, ...marked(answer.error)), answer.hint ? el("p", {}, "→ ", ...marked(answer.hint)) : "");
    if (!answer?.notes?.length) return dialog.close();
    told.replaceChildren(...answer.notes.map((note) => el("p", {}, ...marked(note))), button(say("good"), () => dialog.close()));
  };
  box.addEventListener("paste", (event) => {
    event.preventDefault();
    const html = event.clipboardData.getData("text/html") || `<p>${event.clipboardData.getData("text/plain").replace(/[&<]/g, (c) => (c === "&" ? "&amp;" : "&lt;")).replace(/\n+/g, "</p><p>")}</p>`;
    take(html);
  });
  box.addEventListener("beforeinput", (event) => event.inputType.startsWith("insertFrom") || event.preventDefault());
  const saved = el("input", { type: "file", accept: ".html,.htm", "aria-label": say("saved_page"), onchange: async ({ target }) => target.files[0] && take(await target.files[0].text()) });
  dialog.append(el("h2", {}, title), box, el("p", {}, say("or_saved_page"), " ", saved), told, el("div", { class: "row" }, button(say("cancel"), () => dialog.close())));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  box.focus();
}

addEventListener("beforeunload", (event) => { if (isDirty()) event.preventDefault(); });
