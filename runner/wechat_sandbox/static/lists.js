// The left side: accounts, followers, sends.

import { avatar, by, el, keyed, setStop, walkable } from "./dom.js";
import { typeName } from "./bubbles.js";
import { moment, number, say } from "./words.js";

const short = (time) => (time ? moment(new Date(time)) : "");

// Makes the three lists; `on` is told what was chosen: account(appid), follower(openid), send(key), clicked().
export function makeLists(on) {
  const accounts = by("accounts");
  const list = by("list");
  const drawAccounts = keyed(accounts, account);
  const drawFollowers = keyed(list, follower);
  const drawSends = keyed(list, send);
  for (const [root, choose] of [[accounts, (node) => on.account(node.dataset.key)],
    [list, (node) => (node.dataset.kind === "send" ? on.send : on.follower)(node.dataset.key)]]) {
    walkable(root, choose);
    root.addEventListener("click", (event) => {
      const node = event.target.closest('[role="option"]');
      if (node) choose(node);
      if (node && root === list) on.clicked();
    });
    root.addEventListener("keydown", (event) => {
      const node = event.target.closest('[role="option"]');
      if (node && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        choose(node);
      }
    });
  }
  return {
    accounts(items, chosen) {
      drawAccounts(items.map((item) => ({ ...item, key: item.appid })), document.documentElement.lang);
      mark(accounts, chosen);
    },
    followers(items, chosen, unreadOf) {
      list.setAttribute("aria-label", say("followers"));
      drawFollowers(items.map((item) => ({ ...item, key: item.openid, unread: unreadOf(item) })), document.documentElement.lang);
      mark(list, chosen);
    },
    sends(items, chosen) {
      list.setAttribute("aria-label", say("sends"));
      drawSends(items, document.documentElement.lang);
      mark(list, chosen);
    },
  };
}

// Selects one option; it, or else the first, is where the Tab key stops.
function mark(list, chosen) {
  const options = [...list.children];
  for (const option of options) option.setAttribute("aria-selected", String(option.dataset.key === chosen));
  setStop(list, options.find((option) => option.dataset.key === chosen) ?? options[0]);
}

const option = (key, kind, ...children) =>
  el("div", { role: "option", class: "option", "data-key": key, "data-kind": kind, "aria-selected": "false" }, ...children);

function account(item) {
  const counts = [say(item.kind), say("nFollowers", { n: number(item.followers) }), say("nSends", { n: number(item.sends) }),
    item.previews && say("nPreviews", { n: number(item.previews) })].filter(Boolean);
  return option(item.appid, "account", avatar(item.name, item.appid),
    el("span", { class: "lines" }, el("strong", {}, item.name), el("small", {}, counts.join(" · "))));
}

function follower(item) {
  const latest = item.latest;
  const summary = latest && (latest.summary && latest.msgtype === "text" ? latest.summary : `[${say(`type_${latest.msgtype}`)}] ${latest.summary}`);
  return option(item.openid, "follower", avatar(item.nickname, item.openid),
    el("span", { class: "lines" },
      el("span", { class: "line" }, el("strong", {}, item.nickname || item.openid),
        el("time", { datetime: latest?.time }, short(latest?.time))),
      el("span", { class: "line" }, el("small", { class: "summary" }, summary ?? item.wxname),
        item.unread > 0 && el("span", { class: "unread" },
          el("span", { "aria-hidden": "true" }, item.unread > 99 ? "99+" : String(item.unread)),
          el("span", { class: "unseen" }, say("unread", { n: item.unread })))),
      el("span", { class: "tags" }, !item.subscribed && el("em", { class: "left" }, say("unfollowed")),
        ...item.tags.map((tag) => el("em", {}, tag)))));
}

function send(item) {
  const isPreview = item.kind === "preview";
  return option(item.key, "send", el("span", { class: `kind ${isPreview ? "preview" : item.status}`, "aria-hidden": "true" }),
    el("span", { class: "lines" },
      el("span", { class: "line" }, el("strong", {}, item.summary || typeName(item)), el("time", { datetime: item.time }, short(item.time))),
      el("span", { class: "line" }, el("small", { class: "summary" }, typeName(item), " · ", isPreview ? say("preview") : status(item)),
        !isPreview && el("small", { class: "reach" }, say("of", { n: number(item.delivered), total: number(item.total) }))),
      missed(item) && el("small", { class: "missed" }, missed(item)),
      el("small", { class: "id" }, isPreview ? item.openid : `msg_id ${item.msg_id}`)));
}

// Why fewer followers received a send than were addressed; empty for any other.
export function missed(item) {
  return ["SEND_SUCCESS", "DELETE"].includes(item.status) && item.filtered > 0 ? say("missed", { n: number(item.filtered) }) : "";
}

// The state of a send in words.
export function status(item) {
  if (item.waiting) return say("waiting");
  if (item.recalled) return say("recalled");
  return item.status === "SEND_FAIL" ? `${say(item.status)} · ${item.verdict}` : say(item.status);
}
