// The screens around the writing: today, what is in work, a new message, and a piece of work on its way to review.

import { by, el } from "/phone/dom.js";
import { ask, marked, say, send } from "./talk.js";
import { pasteDialog } from "./write.js";

const button = (words, onclick, kind = "plain") => el("button", { type: "button", class: kind, onclick }, words);
const notice = (message, hint, tone = "error") => el("div", { class: `notice ${tone}`, role: "alert" }, el("p", {}, ...marked(message)), hint && el("p", { class: "hint" }, ...marked(hint)));
const go = (address) => { location.hash = address; };
const encoded = (id) => encodeURI(id);

// --- today --------------------------------------------------------------------------------------

const TODAY = [["error", "needs_you"], ["alert", "needs_you"], ["due", "goes_next"], ["later", "is_scheduled"], ["done", "was_sent"], ["over", "is_over"]];
const MOST = 12;

export function drawToday(campaigns, works) {
  const sections = new Map();
  for (const [tone, word] of TODAY) sections.set(word, [...(sections.get(word) ?? []), ...campaigns.filter((one) => one.tone === tone)]);
  const drawn = [...sections].filter(([, items]) => items.length).map(([word, items]) =>
    el("section", { class: word }, el("h2", {}, `${say(word)} · ${items.length}`), el("ul", { class: "rows" }, ...items.slice(0, MOST).map(messageRow)),
      items.length > MOST && el("p", {}, el("a", { href: "#/c" }, say("and_more", { count: items.length - MOST })))));
  const open = works.length ? [el("section", {}, el("h2", {}, `${say("in_work")} · ${works.length}`), el("ul", { class: "rows" }, ...works.map(workRow)))] : [];
  const empty = drawn.length || open.length ? [] : [el("div", { class: "empty" }, el("p", {}, say("nothing_yet")))];
  by("today").replaceChildren(el("h1", {}, say("today")), ...drawn.slice(0, 2), ...open, ...drawn.slice(2), ...empty);
}

function messageRow(one) {
  const row = Object.values(one.rows)[0];
  return el("li", {}, el("a", { href: `#/c/${encoded(one.id)}` },
    el("span", { class: `dot ${one.tone}`, "aria-hidden": "true" }),
    el("span", { class: "lines" }, el("strong", {}, one.description || one.summary || one.id), el("small", {}, ...marked(row?.reason ?? ""), row?.hint && [" → ", row.hint].join(""))),
    el("em", { class: `state ${one.tone}` }, one.word)));
}

const workRow = (work) => el("li", {}, el("a", { href: `#/work/${work.name}` },
  el("span", { class: "dot later", "aria-hidden": "true" }),
  el("span", { class: "lines" }, el("strong", {}, work.title), el("small", {}, work.messages.join(say("comma")) || say("no_change_yet"))),
  el("em", { class: "state later" }, say(work.request ? "in_review" : "is_written"))));

// --- in work --------------------------------------------------------------------------------------

export async function drawWorks() {
  const answer = await ask("/data/works");
  if (!answer) return;
  if (answer.error) return by("desk").replaceChildren(el("h1", {}, say("in_work")), notice(answer.error, answer.hint));
  by("desk").replaceChildren(el("h1", {}, say("in_work")), el("p", { class: "lede" }, say("work_help")),
    el("ul", { class: "rows" }, ...answer.works.map(workRow)), !answer.works.length ? el("div", { class: "empty" }, el("p", {}, say("no_works"))) : "");
}

// --- a new message ----------------------------------------------------------------------------------

export function drawNew(campaigns, work = "") {
  const told = el("div", {});
  const words = el("input", { type: "text", id: "words", maxlength: 64, placeholder: say("words_example") });
  const begin = async (values) => {
    told.replaceChildren(el("p", { role: "status" }, say("beginning")));
    const answer = await send("/begin", { words: words.value, work, ...values });
    if (answer.error) {
      told.replaceChildren(notice(answer.error, answer.hint));
      return answer;
    }
    go(`#/write/${answer.work}/${encoded(answer.id)}`);
    return answer;
  };
  const copies = el("select", { "aria-label": say("copy_of"), onchange: ({ target }) => target.value && begin({ copy: target.value }) },
    el("option", { value: "" }, say("copy_of")), ...campaigns.filter((one) => one.file).map((one) => el("option", { value: one.id }, one.description || one.summary || one.id)));
  by("desk").replaceChildren(el("h1", {}, say("new_message")),
    el("p", {}, el("label", { for: "words" }, say("what_about")), words), told,
    el("div", { class: "kinds" },
      ...say("kinds").map(([kind, title, help]) => el("button", { type: "button", class: "kind", onclick: () => begin({ kind }) }, el("b", {}, title), el("small", {}, help))),
      el("button", { type: "button", class: "kind", onclick: () => pasteDialog(say("paste_page"), (html) => begin({ html })) }, el("b", {}, say("paste_page")), el("small", {}, say("paste_help"))),
      el("div", { class: "kind" }, el("b", {}, say("copy_title")), copies)));
  words.focus();
}

// --- a piece of work, from its files to its request -----------------------------------------------------

export async function drawWork(name) {
  const [work, all] = await Promise.all([ask("/data/work", { work: name }), ask("/data/works")]);
  if (!work) return;
  if (work.error) return by("desk").replaceChildren(el("h1", {}, say("in_work")), notice(work.error, work.hint));
  const told = el("div", {});
  const act = (path, values, done = () => drawWork(name)) => async () => {
    told.replaceChildren(el("p", { role: "status" }, say("working")));
    const answer = await send(path, { work: name, ...values() });
    told.replaceChildren(answer.error ? notice(answer.error, answer.hint) : "");
    if (!answer.error) await done(answer);
  };
  const parts = [el("h1", {}, work.title), told];
  if (work.conflicts.length) parts.push(conflicts(work, act));
  const ids = work.messages.length ? work.messages : [work.message].filter(Boolean);
  parts.push(el("section", {}, el("h2", {}, say("messages_of_work")), el("ul", { class: "rows" }, ...ids.map((id) =>
    el("li", {}, el("a", { href: `#/write/${name}/${encoded(id)}` }, el("span", { class: "lines" }, el("strong", {}, id)), el("em", { class: "state later" }, say("edit")))))),
    el("p", { class: "row" }, el("a", { class: "plain", href: `#/new/${name}` }, say("one_more")), button(say("take_in"), act("/update", () => ({}))))));
  if (work.messages.length) parts.push(review(work, all?.person ?? null, told, act));
  if (work.request) parts.push(el("section", { id: "request" }, el("h2", {}, say("the_request")), el("p", {}, el("a", { href: work.request, target: "_blank", rel: "noopener noreferrer" }, work.request)), el("div", { id: "comments" })));
  parts.push(el("section", {}, el("h2", {}, say("discard")), el("p", { class: "soft" }, say("discard_help")),
    button(say("discard"), () => confirm(say("discard_sure")) && act("/discard", () => ({}), () => go("#/works"))())));
  by("desk").replaceChildren(...parts);
  if (work.request) comments(name);
}

function conflicts(work, act) {
  const side = (path, which, text) => el("div", { class: "side-by-side" }, el("h3", {}, say(which)), el("pre", {}, text ?? say("removed")), act && button(say(`take_${which}`), act("/resolve", () => ({ path, which })), "primary"));
  return el("section", { class: "conflicts" }, el("h2", {}, say("both_changed")), el("p", {}, say("both_help")),
    ...work.conflicts.map(({ path, mine, theirs }) => el("div", { class: "panel-box" }, el("h3", {}, path), el("div", { class: "two" }, side(path, "mine", mine), side(path, "theirs", theirs)))));
}

function review(work, person, told, act) {
  const sentence = el("textarea", { id: "sentence", rows: 2, maxlength: 500 });
  sentence.value = work.sentence ?? "";
  const name = el("input", { type: "text", id: "person-name", autocomplete: "name" });
  const email = el("input", { type: "email", id: "person-email", autocomplete: "email" });
  const who = person
    ? [el("p", { class: "soft" }, say("as_person", { name: person.name, email: person.email }))]
    : [el("p", {}, say("who_are_you")), el("p", {}, el("label", { for: "person-name" }, say("your_name")), name), el("p", {}, el("label", { for: "person-email" }, say("your_email")), email)];
  const done = async (answer) => {
    await drawWork(work.name);
    by("desk").querySelector("#sent-for-review")?.remove();
    by("desk").querySelector("h1").after(el("div", { class: "notice calm", id: "sent-for-review", role: "status" },
      el("p", {}, ...marked(answer.how)), answer.url && el("p", {}, el("a", { href: answer.url, target: "_blank", rel: "noopener noreferrer" }, answer.url)),
      ["merged", "closed"].includes(answer.state) && button(say("another_request"), () => act("/review", () => ({ sentence: sentence.value, again: true }), done)())));
  };
  const submit = async () => {
    if (!person && !(await kept({ work: work.name, name: name.value, email: email.value }, told))) return;
    await act("/review", () => ({ sentence: sentence.value }), done)();
  };
  return el("section", { id: "review" }, el("h2", {}, say("send_for_review")), el("iframe", { class: "paper", title: say("plan"), sandbox: "allow-same-origin allow-popups", referrerpolicy: "no-referrer", src: `/page/plan?work=${work.name}` }),
    el("p", {}, el("label", { for: "sentence" }, say("one_sentence")), sentence), ...who, el("p", {}, button(say(work.request ? "send_again" : "send_for_review"), submit, "primary")));
}

async function kept(values, told) {
  const answer = await send("/person", values);
  if (answer.error) told.replaceChildren(notice(answer.error, answer.hint));
  return !answer.error;
}

async function comments(name) {
  const state = await ask("/data/request", { work: name });
  const box = by("comments");
  if (!box || !state) return;
  if (state.error) return box.replaceChildren(notice(state.error, state.hint, "advice"));
  box.replaceChildren(
    state.state ? el("p", {}, el("em", { class: "state later" }, say(`request_${state.state}`)), " ", state.checks ? say(`checks_${state.checks}`) : "") : "",
    el("ul", { class: "rows" }, ...(state.comments ?? []).map((one) => el("li", { class: "comment" }, el("b", {}, one.author), one.path && el("small", {}, ` ${one.path}${one.line ? `:${one.line}` : ""}`), el("p", {}, one.text)))));
}
