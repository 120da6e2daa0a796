// The inbox: asks the sandbox what changed, keeps what is chosen, and draws lists and phone from it.

import { by, el, walkable } from "./dom.js";
import { makeLists, missed, status } from "./lists.js";
import { makePhone } from "./phone.js";
import { letter, number, say, speak, spoken } from "./words.js";

const POLL_MS = 1000;
const RETRY_MS = 3000;
const ROWS = 50;
const MESSAGES = 40;
const THEMES = ["auto", "light", "dark"];

const state = {
  version: "", accounts: [], appid: "", openid: "", tab: "followers", search: "", tag: "", msgId: "", offset: 0,
  limit: MESSAGES, items: [], send: "", phone: null,
};

// On a narrow window the phone is below the list: whoever clicks wants to see it.
const clicked = () => matchMedia("(max-width: 720px)").matches && by("phone").scrollIntoView();
const lists = makeLists({ account: chooseAccount, follower: chooseFollower, send: chooseSend, clicked });
const phone = makePhone({ earlier: () => { state.limit += MESSAGES; refresh(); }, receivers: showReceivers });
const account = () => state.accounts.find((item) => item.appid === state.appid);

async function ask(name, query = {}) {
  const answer = await fetch(`/_sandbox/${name}?${new URLSearchParams(query)}`);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.json();
}

// One refresh at a time; what is wished for meanwhile is done after it, all at once.
let running = null;
let wish = null;
function refresh(options = {}) {
  wish = { ...wish, ...options };
  running ??= grant().finally(() => { running = null; });
  return running;
}

async function grant() {
  while (wish) {
    const options = wish;
    wish = null;
    try {
      await load(options);
      connected(true);
    } catch (error) {
      connected(false);
      console.warn(error);
    }
  }
}

async function load({ fresh = false, select = "" }) {
  const before = new Map(state.accounts.map((item) => [item.appid, item.sends]));
  state.accounts = (await ask("accounts")).accounts;
  if (!account()) Object.assign(state, { appid: state.accounts[0]?.appid ?? "", openid: "" });
  if (!state.appid) return;
  const page = { appid: state.appid, offset: state.offset, limit: ROWS };
  const isSends = state.tab === "sends";
  const found = await (isSends ? ask("sends", page)
    : ask("followers", { ...page, search: state.search, tag_id: state.tag, msg_id: state.msgId }));
  state.items = isSends ? found.sends : found.followers;
  if (!isSends && !state.openid) state.openid = state.items[0]?.openid ?? "";
  const arrived = await loadPhone(fresh, select);
  // Whoever changed the tab meanwhile has asked for another load: these rows are of the tab before.
  if (isSends === (state.tab === "sends")) drawLists(found);
  tellNews(before, arrived ?? []);
}

async function loadPhone(fresh, select) {
  const send = state.tab === "sends" && state.items.find((item) => item.key === state.send);
  const isAlone = send && send.kind === "job" && !send.delivered;
  if (isAlone) {
    phone.show({ account: account(), follower: null, messages: [send], fresh,
      banner: say("nobody", { why: missed(send) || status(send) }) });
    return;
  }
  if (!state.openid) return void phone.show({ account: account(), follower: null, messages: [], fresh });
  const told = await ask("phone", { appid: state.appid, openid: state.openid, limit: state.limit });
  if (!told.follower) {
    // Gone since, by a reset or another seed.
    state.openid = "";
    if (state.items[0]?.openid) refresh({ fresh: true });
    return;
  }
  const seen = state.phone?.follower.openid === told.follower.openid && new Set(state.phone.messages.map((item) => item.key));
  state.phone = told;
  phone.show({ account: account(), follower: told.follower, messages: told.messages, more: told.earlier, chosen: select, fresh });
  return fresh || !seen ? [] : told.messages.filter((item) => !seen.has(item.key));
}

function drawLists(found) {
  lists.accounts(state.accounts, state.appid);
  if (state.tab === "sends") lists.sends(state.items, state.send);
  else {
    const shown = state.items.find((item) => item.openid === state.openid);
    if (shown) read(shown);
    lists.followers(state.items, state.openid, unread);
  }
  const last = found.offset + state.items.length;
  by("range").textContent = found.total ? say("range", { from: number(found.offset + 1), to: number(last), total: number(found.total) }) : "";
  by("previous").disabled = found.offset === 0;
  by("next").disabled = last >= found.total;
  by("nothing").hidden = found.total > 0;
  by("nothing").textContent = say(state.tab === "sends" ? "noSends" : "noFollowers");
  by("tools").hidden = state.tab === "sends";
  by("chip").hidden = !state.msgId || state.tab === "sends";
  by("chip").firstElementChild.textContent = say("received", { id: state.msgId });
  for (const tab of by("tabs").children) {
    tab.setAttribute("aria-selected", String(tab.id === `tab-${state.tab}`));
    tab.tabIndex = tab.id === `tab-${state.tab}` ? 0 : -1;
  }
  by("panel").setAttribute("aria-labelledby", `tab-${state.tab}`);
  drawTags();
}

function drawTags() {
  const tags = account()?.tags ?? [];
  const told = [["", say("anyTag")], ...tags.map((tag) => [String(tag.id), `${tag.name} · ${number(tag.count)}`])];
  const drawn = JSON.stringify(told);
  if (by("tag").dataset.drawn === drawn) return;
  by("tag").dataset.drawn = drawn;
  by("tag").replaceChildren(...told.map(([value, text]) => el("option", { value }, text)));
  by("tag").value = state.tag;
}

// How many messages of a phone were looked at is this browser's own affair.
const readKey = (item) => `read/${state.appid}/${item.openid}`;
const unread = (item) => Math.max(0, item.count - Number(localStorage.getItem(readKey(item)) ?? 0));
const read = (item) => localStorage.setItem(readKey(item), item.count);

// Tells a screen reader what came: on the phone in view word by word, elsewhere by number.
function tellNews(before, arrived) {
  const texts = arrived.map((item) =>
    say("arrived", { name: state.phone.follower.nickname, what: item.summary || say(`type_${item.msgtype}`) }));
  for (const item of state.accounts) {
    const more = item.sends - (before.get(item.appid) ?? item.sends) - (item.appid === state.appid ? arrived.filter((one) => one.kind === "job").length : 0);
    if (more > 0) texts.push(say("sentMore", { name: item.name, n: more }));
  }
  if (texts.length) by("said").textContent = texts.join(" ");
}

// The address holds account and follower, so that a phone can be reloaded and linked to.
function remembered() {
  try {
    return [...location.hash.slice(1).split("/").map(decodeURIComponent), "", ""];
  } catch {
    return ["", ""];
  }
}

function remember() {
  history.replaceState(null, "", `#${[state.appid, state.openid].map(encodeURIComponent).join("/")}`);
}

function chooseAccount(appid) {
  if (appid === state.appid) return;
  Object.assign(state, { appid, openid: "", tag: "", msgId: "", send: "", offset: 0, limit: MESSAGES });
  openPhone();
}

function chooseFollower(openid) {
  Object.assign(state, { openid, limit: MESSAGES });
  openPhone();
}

function openPhone(select = "") {
  phone.closePage();
  return refresh({ fresh: true, select }).then(remember);
}

// Shows a send on the phone of the first who received it, or alone when nobody did.
async function chooseSend(key) {
  const send = state.items.find((item) => item.key === key);
  state.send = key;
  if (send.kind === "preview") state.openid = send.openid;
  else if (send.delivered) {
    const { followers } = await ask("followers", { appid: state.appid, msg_id: send.msg_id, limit: 1 });
    state.openid = followers[0]?.openid ?? "";
  }
  await openPhone(key);
}

function showReceivers(msgId) {
  const select = `job-${msgId}`;
  Object.assign(state, { tab: "followers", msgId, search: "", tag: "", offset: 0, openid: "" });
  by("search").value = by("tag").value = "";
  openPhone(select);
}

function chooseTab(tab) {
  Object.assign(state, { tab, offset: 0 });
  refresh();
}

function turn(step) {
  state.offset = Math.max(0, state.offset + step * ROWS);
  refresh().then(() => { by("list").scrollTop = 0; });
}

let connection = null;
function connected(well) {
  if (connection === well && by("live").dataset.language === spoken()) return;
  connection = well;
  by("live").dataset.language = spoken();
  by("live").classList.toggle("lost", !well);
  by("live").textContent = say(well ? "live" : "lost");
}

async function poll() {
  let wait = POLL_MS;
  if (!document.hidden) {
    try {
      const { version, not_served: missing } = await ask("version");
      if (version !== state.version || connection === false) {
        await refresh();
        state.version = version;
      }
      by("missing").hidden = missing.length === 0;
      by("missing").textContent = say("missing", { paths: missing.join(", ") });
    } catch {
      connected(false);
      wait = RETRY_MS;
    }
  }
  setTimeout(poll, wait);
}

function setLanguage(wanted) {
  speak(wanted);
  letter();
  by("language").textContent = say("other");
  by("language").lang = wanted === "zh" ? "en" : "zh-CN";
  setTheme(document.documentElement.dataset.theme ?? "auto");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  by("theme").textContent = say("theme", { now: say(theme) });
}

function listen() {
  by("language").addEventListener("click", () => {
    const next = spoken() === "zh" ? "en" : "zh";
    localStorage.setItem("language", next);
    setLanguage(next);
    refresh();
  });
  by("theme").addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
    localStorage.setItem("theme", next);
    setTheme(next);
  });
  let typing = 0;
  by("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => { Object.assign(state, { search: by("search").value, offset: 0 }); refresh(); }, 150);
  });
  by("tools").addEventListener("submit", (event) => event.preventDefault());
  by("tag").addEventListener("change", () => { Object.assign(state, { tag: by("tag").value, offset: 0 }); refresh(); });
  by("chip").querySelector("button").addEventListener("click", () => { Object.assign(state, { msgId: "", offset: 0 }); refresh(); });
  by("tab-followers").addEventListener("click", () => chooseTab("followers"));
  by("tab-sends").addEventListener("click", () => chooseTab("sends"));
  walkable(by("tabs"), (tab) => tab.click(), ["ArrowLeft", "ArrowRight", "Home", "End"]);
  by("previous").addEventListener("click", () => turn(-1));
  by("next").addEventListener("click", () => turn(1));
  by("skip").addEventListener("click", (event) => { event.preventDefault(); by("phone").focus(); });
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}

[state.appid, state.openid] = remembered();
setTheme(localStorage.getItem("theme") ?? "auto");
setLanguage(localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
listen();
refresh({ fresh: true }).then(poll);
