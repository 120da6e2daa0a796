// The phone: a conversation, the page behind a card, and what is known about the message in hand.

import { avatar, by, el, keyed, setStop, walkable } from "./dom.js";
import { body, typeName } from "./bubbles.js";
import { missed, status } from "./lists.js";
import { clock, day, moment, number, say, spoken, whole } from "./words.js";

const PAUSE_MS = 5 * 60_000;
const NEAR_PX = 80;

// Makes the phone; `on.earlier()` asks for older messages, `on.receivers(msg_id)` for who got a send.
export function makePhone(on) {
  const feed = by("feed");
  const showing = { account: null, follower: null, messages: [], chosen: "" };
  const page = makePage();
  const talk = by("talk");
  by("earlier").addEventListener("click", on.earlier);
  const draw = keyed(feed, (item) => message(item, showing.account, page.open));
  const choose = (key) => {
    showing.chosen = key;
    settle(feed, showing);
    details(showing, on.receivers);
  };
  walkable(feed, (node) => choose(node.dataset.key), ["ArrowUp", "ArrowDown", "Home", "End"]);
  feed.addEventListener("focusin", (event) => {
    const node = event.target.closest("[data-key]");
    if (node && node.dataset.key !== showing.chosen) choose(node.dataset.key);
  });
  feed.addEventListener("click", (event) => {
    const node = event.target.closest("[data-key]");
    if (node) choose(node.dataset.key);
  });
  return {
    closePage: page.close,
    show({ account, follower, messages, more = false, banner = "", chosen = "", fresh = false }) {
      const atEnd = fresh || talk.scrollHeight - talk.scrollTop - talk.clientHeight < NEAR_PX;
      const known = messages.some((item) => item.key === showing.chosen);
      Object.assign(showing, { account, follower, messages });
      showing.chosen = chosen || (known && !fresh ? showing.chosen : (messages.at(-1)?.key ?? ""));
      frame(showing, banner);
      by("earlier").hidden = !more;
      feed.hidden = messages.length === 0;
      draw(spaced(messages), [spoken(), account?.name]);
      settle(feed, showing);
      details(showing, on.receivers);
      if (chosen && fresh) feed.querySelector('[tabindex="0"]')?.scrollIntoView({ block: "center" });
      else if (atEnd) talk.scrollTop = talk.scrollHeight;
    },
  };
}

// Marks the messages before which the time is told.
function spaced(messages) {
  let last = 0;
  return messages.map((item) => {
    const at = Date.parse(item.time);
    const gap = at - last > PAUSE_MS;
    last = at;
    return { ...item, gap };
  });
}

function frame({ account, follower, messages }, banner) {
  by("phone").setAttribute("aria-label", follower ? say("phoneOf", { name: follower.nickname || follower.openid }) : say("phone"));
  by("phone-title").textContent = account?.name ?? "";
  by("phone-time").textContent = clock(new Date(messages.at(-1)?.time ?? Date.now()));
  const text = banner || (follower ? (messages.length ? "" : say("noMessages")) : say("pick"));
  by("banner").textContent = text;
  by("banner").hidden = !text;
}

// Numbers the messages for screen readers and makes the one in hand the Tab stop.
function settle(feed, { messages, chosen }) {
  const nodes = [...feed.children];
  nodes.forEach((node, index) => {
    node.setAttribute("aria-posinset", index + 1);
    node.setAttribute("aria-setsize", messages.length);
    node.classList.toggle("chosen", node.dataset.key === chosen);
  });
  setStop(feed, nodes.find((node) => node.dataset.key === chosen) ?? nodes.at(-1));
}

function message(item, account, open) {
  const at = new Date(item.time);
  const isPreview = item.kind === "preview";
  const isCards = "articles" in item.content;
  const id = isPreview ? say("preview") : `msg_id ${item.msg_id}`;
  const marks = [
    isPreview && el("span", { class: "mark preview" }, say("preview")),
    item.recalled && el("span", { class: "mark recalled" }, say("recalled")),
    !isPreview && el("span", { class: "mark" }, id),
  ];
  return el("article", { class: `message ${isCards ? "wide" : ""}`, "data-key": item.key,
    "aria-label": `${typeName(item)}, ${moment(at)}, ${id}${item.recalled ? `, ${say("recalled")}` : ""}` },
    item.gap && el("time", { class: "gap", datetime: item.time }, moment(at)),
    el("div", { class: "row" }, !isCards && avatar(account.name, account.appid),
      el("div", { class: "said" }, body(item, open), el("p", { class: "marks" }, ...marks))));
}

// The page over the conversation; the frame may not run anything, whatever it shows.
function makePage() {
  let opener = null;
  const [page, under] = [by("page"), [by("talk"), by("banner")]];
  const close = () => {
    if (page.hidden) return;
    page.hidden = true;
    for (const node of under) node.inert = false;
    by("frame").removeAttribute("src");
    if (opener?.isConnected) opener.focus();
  };
  by("back").addEventListener("click", close);
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  const open = (path, title) => {
    opener = document.activeElement;
    const address = `${path}?lang=${spoken()}`;
    by("frame").src = address;
    by("frame").title = title;
    by("page-title").textContent = title;
    by("page-link").href = address;
    page.setAttribute("aria-label", title);
    page.hidden = false;
    for (const node of under) node.inert = true;
    by("back").focus();
  };
  return { open, close };
}

// What is known about the follower and the message in hand.
function details({ follower, messages, chosen }, receivers) {
  const item = messages.find((one) => one.key === chosen);
  by("details").replaceChildren(...[
    follower && block(say("member"), [
      ["", follower.nickname], [say("wxname"), follower.wxname],
      ["openid", follower.openid, "code"], [say("tags"), follower.tags.join("、")],
      [say("status"), follower.subscribed ? "" : say("unfollowed")],
    ]),
    item && block(say("message"), about(item)),
    item?.delivered > 0 && el("button", { type: "button", class: "plain", onclick: () => receivers(item.msg_id) }, say("receivers")),
  ].filter(Boolean));
}

function about(item) {
  const at = new Date(item.time);
  const common = [[say("kind"), item.kind === "job" ? say("job") : say("preview")], ["msgtype", `${item.msgtype} · ${typeName(item)}`],
    [say("time"), whole(at)]];
  if (item.kind === "preview") return common;
  return [...common, [say("status"), status(item)],
    [say("reached"), [say("of", { n: number(item.delivered), total: number(item.total) }), missed(item)].filter(Boolean).join(" · ")],
    ["msg_id", item.msg_id, "code"], ["msg_data_id", item.msg_data_id, "code"], ["clientmsgid", item.clientmsgid || say("noClient"), item.clientmsgid ? "code" : "span"]];
}

function block(title, rows) {
  const told = rows.filter(([, value]) => value !== "" && value != null);
  return el("section", {}, el("h2", {}, title), el("dl", {}, ...told.flatMap(([name, value, tag = "span"]) =>
    name ? [el("dt", {}, name), el("dd", {}, el(tag, {}, String(value)))] : [el("dt", { class: "unseen" }, title), el("dd", { class: "name" }, value)])));
}
