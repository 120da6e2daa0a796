// The studio: asks what changed after every save, and draws the list, the phone and the problems from it.

import { avatar, by, el, keyed } from "/phone/dom.js";
import { drawNew, drawToday, drawWork, drawWorks } from "./desk.js";
import { ask, canWrite, marked, say, send } from "./talk.js";
import * as writing from "./write.js";

const SILENCE_MS = 12_000; // the studio gives a sign of life every 5 s
const RETRY_MS = 2_000;
const LIST_MS = 30_000; // what is due changes without a save
const SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"; // no script, whatever is shown
const PAPERS = ["plan", "calendar", "results"];
const SIZES = ["320", "375", "430", "677"];

const state = {
  page: "today", work: "", campaign: "", send: "", view: "", size: localStorage.getItem("size") || "375",
  dark: (localStorage.getItem("dark") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "1" : "0")) === "1", search: "",
  campaigns: null, picture: null, version: "", beat: 0, lost: false,
  month: new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 7), // China's
};

const time = () => new Date().toLocaleTimeString("en-GB");
const text = (id, words) => { by(id).textContent = words; };
const show = (id, words) => { by(id).replaceChildren(...marked(words)); by(id).hidden = !words; };

// Null when the studio cannot be reached.
async function get(path, values = {}) {
  const answer = await ask(path, { work: state.work, ...values });
  if (!answer) lose();
  return answer;
}

// --- what changed -----------------------------------------------------------------------------

// Runs one refresh at a time; what is saved meanwhile is fetched by one more.
function single(work) {
  let running = false;
  let again = false;
  return async () => {
    again = true;
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        await work();
      }
    } finally {
      running = false;
    }
  };
}

const refreshPicture = single(async () => {
  if (!state.campaign) return;
  const picture = await get("/data/campaign", { id: state.campaign });
  if (picture?.id !== state.campaign) return;
  state.picture = picture;
  drawPicture();
  if (state.page === "write") writing.place(picture.problems);
});

const refreshList = single(async () => {
  const overview = await get("/data/campaigns");
  if (!overview) return;
  by("nothing").classList.toggle("fault", Boolean(overview.problems));
  if (overview.problems) {
    show("nothing", state.picture?.problems.length ? "" : overview.problems.map((one) => `${one.message} → ${one.hint}`).join("\n"));
    return;
  }
  state.campaigns = overview.campaigns;
  document.body.classList.add("ready");
  if (!state.campaign && state.page === "messages" && state.campaigns[0]) location.replace(address(state.campaigns[0].id));
  if (state.page === "today") drawToday(state.campaigns, canWrite ? (await ask("/data/works"))?.works ?? [] : []);
  drawList();
  drawSide();
});

async function refresh() {
  drawReport();
  await refreshPicture();
  await refreshList();
}

function listen() {
  const events = new EventSource(`/events?work=${state.work}`);
  events.onmessage = ({ data }) => {
    const { version, trouble, behind } = JSON.parse(data);
    state.beat = Date.now();
    state.lost = false;
    show("alarm", trouble ? say("trouble", { reason: trouble }) : behind && say("behind", { reason: behind }));
    document.body.classList.toggle("lost", Boolean(trouble));
    if (version !== state.version) {
      state.version = version;
      refresh();
      live(true);
    } else live(false);
  };
  events.onerror = () => {
    lose();
    if (events.readyState === EventSource.CLOSED) setTimeout(reconnect, RETRY_MS);
  };
  return events;
}

let events = null;
let saved = "";

function reconnect() {
  events?.close();
  events = document.hidden ? null : listen();
}

function live(isNew) {
  if (isNew) saved = time();
  const sign = by("live");
  sign.className = "live";
  if (isNew) requestAnimationFrame(() => sign.classList.add("fresh"));
  sign.replaceChildren(el("b", {}, say("live")), el("span", {}, say("saved", { time: saved })));
}

function lose() {
  if (!state.lost) show("alarm", say("lost", { time: time() }));
  state.lost = true;
  document.body.classList.add("lost");
  by("live").className = "live off";
  text("live", say("connecting"));
}

// --- frames -----------------------------------------------------------------------------------

// Shows pages in a frame; the next stays unseen until it is whole, then takes over the place scrolled to.
function makeFrames(holder) {
  let current = null;
  let coming = null;
  return {
    show(url, of, title) {
      if ((coming ?? current)?.dataset.url === url) return;
      coming?.remove();
      const next = el("iframe", { sandbox: SANDBOX, referrerpolicy: "no-referrer", title, class: "coming", "data-url": url, "data-of": of });
      next.addEventListener("load", () => {
        if (next !== coming) return;
        if (current?.dataset.of === of) next.contentWindow?.scrollTo(0, current.contentWindow?.scrollY ?? 0);
        next.classList.remove("coming");
        current?.remove();
        [current, coming] = [next, null];
      });
      coming = next;
      next.src = url;
      holder.append(next);
    },
    clear() {
      holder.replaceChildren();
      current = coming = null;
    },
  };
}

const pages = makeFrames(by("frames"));
const reports = makeFrames(by("papers"));

// --- drawing ----------------------------------------------------------------------------------

const ofWork = (url) => (state.work ? `${url}&work=${state.work}` : url);
const address = (campaign) => `#/c/${encodeURI(campaign)}`;
const sendOf = (picture) => picture?.sends.find((one) => one.id === state.send) ?? picture?.sends[0];
const campaign = () => state.campaigns?.find((one) => one.id === state.campaign);

function drawReport() {
  by("months").hidden = state.page !== "calendar";
  if (!PAPERS.includes(state.page)) return reports.clear();
  const month = state.page === "calendar" ? state.month : "";
  text("month", month);
  reports.show(`/page/${state.page}?month=${month}&v=${state.version}#today`, `${state.page}${month}`, say(state.page));
}

function turnMonth(step) {
  const [year, month] = state.month.split("-").map(Number);
  state.month = new Date(Date.UTC(year, month - 1 + step)).toISOString().slice(0, 7);
  drawReport();
}

const drawItems = keyed(by("campaigns"), (item) => {
  const [name, ...folders] = item.id.split("/").reverse();
  return el("li", {},
    el("a", { href: address(item.id), "aria-current": item.chosen ? "true" : null, title: item.id },
      el("span", { class: `dot ${item.tone}`, "aria-hidden": "true" }),
      el("span", { class: "lines" },
        el("span", { class: "line" }, el("strong", {}, item.description || name), el("em", { class: `state ${item.tone}` }, item.word)),
        el("small", {}, item.description ? el("span", { class: "folder" }, item.id)
          : folders.length ? el("span", { class: "folder" }, `${folders.reverse().join("/")}/`) : null, item.summary))));
});

function drawList() {
  if (!state.campaigns) return;
  const wanted = state.search.trim().toLowerCase();
  const found = state.campaigns.filter((one) => `${one.id} ${one.description} ${one.summary} ${one.word}`.toLowerCase().includes(wanted));
  drawItems(found.map((one) => ({ ...one, key: one.id, chosen: one.id === state.campaign })));
  show("nothing", found.length ? "" : say(state.campaigns.length ? "none" : "empty"));
}

function drawPicture() {
  const { picture } = state;
  if (!picture) return; // of a campaign that was just chosen
  const send = sendOf(picture);
  state.send = send?.id ?? state.send;
  drawNotice(picture);
  drawEntries(picture);
  drawViews(send);
  drawPhone(send);
  drawSide();
}

function drawNotice(picture) {
  const isBroken = picture.sends.length === 0;
  const words = picture.stale ? say("stale", { time: picture.at }) : isBroken ? say(campaign()?.file === "" ? "gone" : "broken") : "";
  by("notice").hidden = !words;
  by("stage").classList.toggle("stale", Boolean(words));
  redraw("notice", words, () => [words]); // the errors themselves stand in the list
}

// Redraws a part only when what it shows is another, so that focus and playing sound stay.
const drawn = {};

function redraw(id, told, draw) {
  const now = JSON.stringify(told) ?? "";
  if (drawn[id] === now) return;
  drawn[id] = now;
  by(id).replaceChildren(...draw());
}

function choices(id, items, chosen, choose) {
  redraw(id, items, () => items.map(([value, label]) =>
    el("button", { type: "button", "data-value": value, onclick: () => choose(value) }, label)));
  for (const button of by(id).children) button.setAttribute("aria-pressed", String(button.dataset.value === chosen));
  by(id).hidden = items.length < 2;
}

function drawEntries(picture) {
  const items = picture.sends.map((one) => [one.id, one.entry || one.id]);
  choices("entries", items, state.send, (id) => { state.send = id; drawPicture(); });
}

function drawViews(send) {
  const titles = send?.pages ?? [];
  const many = titles.length > 1;
  const label = (number) => (send.themed ? say(many ? "article_n" : "article", { number }) : say("post"));
  const items = titles.map((_, index) => [String(index + 1), label(index + 1)]);
  if (items.length === 0 || (state.view !== "chat" && Number(state.view) > items.length)) state.view = "";
  const view = current(send);
  choices("views", items.length ? [["chat", say("chat")], ...items] : [], view, (value) => { state.view = value; drawPicture(); });
}

// The article itself first: it is what is being written.
const current = (send) => (send?.pages.length ? state.view || (send.themed ? "1" : "chat") : "chat");

function drawPhone(send) {
  const view = current(send);
  by("stage").dataset.size = state.size;
  by("stage").dataset.view = view === "chat" ? "chat" : "page";
  by("stage").classList.toggle("dark", state.dark);
  by("stage").setAttribute("aria-label", send ? say("phone_of", { send: send.id }) : "");
  for (const name of document.querySelectorAll(".account")) name.textContent = send?.shown_account ?? "";
  for (const clock of document.querySelectorAll(".clock")) clock.textContent = time().slice(0, 5);
  drawBubble(send);
  const page = send?.pages[(Number(view) || 1) - 1];
  by("page-phone").hidden = !page;
  if (!page) return pages.clear();
  pages.show(`${ofWork(page.url)}${state.dark ? "&dark=1" : ""}`, page.url.split("&v=")[0], page.title);
}

async function drawBubble(send) {
  const url = send ? ofWork(send.message) : "";
  if (drawn.feed === url) return;
  drawn.feed = url;
  const said = el("div", { class: "said" }, ...(url ? await parsed(url) : []));
  if (drawn.feed !== url) return; // another was chosen meanwhile
  const cards = said.querySelector(".cards");
  by("feed").replaceChildren(url && el("article", { class: `message ${cards ? "wide" : ""}` },
    el("div", { class: "row" }, !cards && avatar(send.shown_account, send.account), said)));
}

// The server's HTML of a message. No text may become elements here, but a document may be asked for.
function parsed(url) {
  return new Promise((done) => {
    const asked = new XMLHttpRequest();
    asked.responseType = "document";
    asked.onload = () => done([...(asked.response?.body.childNodes ?? [])].map((node) => document.importNode(node, true)));
    asked.onerror = () => done([]);
    asked.open("GET", url);
    asked.send();
  });
}

// Opens what a card leads to, and plays a voice.
function touch({ target }) {
  const voice = target.closest("button.voice");
  const sound = voice && by("feed").querySelector("audio");
  if (sound) return sound.paused ? sound.play().catch(() => {}) : sound.pause();
  const at = [...by("feed").querySelectorAll("button.card, button.album")].indexOf(target.closest("button"));
  if (at < 0 || at >= sendOf(state.picture).pages.length) return;
  state.view = String(at + 1);
  drawPicture();
}

function setUpFeed() {
  by("feed").addEventListener("click", touch);
  const voice = () => by("feed").querySelector("button.voice");
  for (const event of ["play", "pause", "ended"])
    by("feed").addEventListener(event, ({ target }) => voice()?.classList.toggle("playing", !target.paused), true);
  by("feed").addEventListener("error", ({ target }) => { if (target.tagName === "AUDIO") voice().disabled = true; }, true);
}

function drawSide() {
  const problems = state.picture?.problems ?? [];
  text("problems-title", problems.length ? `${say("problems")} · ${problems.length}` : say("no_problems"));
  by("problems-title").className = problems.length ? "" : "fine";
  redraw("problems", problems, () => problems.map((one) => el("li", { class: one.level }, problem(one))));
  const send = sendOf(state.picture);
  const row = campaign()?.rows[send?.id] ?? Object.values(campaign()?.rows ?? {})[0];
  const { file, href } = send ?? campaign() ?? {};
  if (canWrite) by("hold").hidden = !send?.account;
  redraw("facts", [row, send, file], () => {
    const status = row && el("span", {}, el("em", { class: `state ${row.tone}` }, row.status), " ", ...marked(row.reason), row.hint && el("small", {}, "→ ", ...marked(row.hint)));
    return [
      ["description", send?.description], ["status", status], ["to", send?.to], ["followers", row?.followers !== "?" && row?.followers], ["when", send?.when],
      ["account", send?.account], ["kind", send?.kind], ["send", send?.id], ["file", file && place(file, href)],
    ].filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, say(name)), el("dd", {}, value)]);
  });
}

function problem({ message, hint, place: where, href }) {
  return el("div", { class: "problem" }, el("p", {}, ...marked(message)), hint && el("p", { class: "remedy" }, "→ ", ...marked(hint)), where && place(where, href));
}

function place(where, href) {
  const copy = el("button", { type: "button", class: "copy", title: say("copy"), "aria-label": `${say("copy")} ${where}`, onclick: async () => {
    await navigator.clipboard.writeText(where);
    text("said", say("copied"));
    copy.classList.add("done");
    setTimeout(() => copy.classList.remove("done"), 1200);
  } });
  return el("span", { class: "place" }, href ? el("a", { href, title: say("open") }, where) : el("code", {}, where), copy);
}

// --- what the reader does ---------------------------------------------------------------------

// #/ today, #/c/ID a message, #/write/WORK/ID its form, #/work/WORK, #/works, #/new, and the papers.
function route() {
  const [, page = "", first = "", ...more] = location.hash.split("/");
  const rest = (parts) => decodeURI(parts.join("/"));
  const before = [state.work, state.campaign].join();
  state.page = page === "" ? "today" : page === "c" ? "messages" : page;
  state.work = page === "write" ? first : "";
  const name = page === "c" ? rest([first, ...more].filter((part, at) => at || part)) : page === "write" ? rest(more) : state.campaign;
  const isOther = before !== [state.work, name].join();
  const isOtherDesk = before.split(",")[0] !== state.work;
  if (isOther) {
    Object.assign(state, { campaign: name, send: "", view: "", picture: null });
    pages.clear();
  }
  const inMessages = ["messages", "write"].includes(state.page);
  for (const link of document.querySelectorAll("header [data-page]"))
    if (link.dataset.page === state.page || (link.dataset.page === "works" && ["work", "write"].includes(state.page))) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  by("messages").hidden = !inMessages;
  by("messages").classList.toggle("is-written", state.page === "write");
  by("today").hidden = state.page !== "today";
  by("report").hidden = !PAPERS.includes(state.page);
  if (canWrite) routeWriting(page, first, name);
  drawList();
  if (isOther && matchMedia("(max-width: 720px)").matches && name) document.querySelector(".middle").scrollIntoView({ block: "start" });
  if (isOtherDesk) reconnect();
  if (state.version) refresh();
}

function routeWriting(page, first, name) {
  by("writing").hidden = page !== "write";
  by("desk").hidden = !["works", "work", "new"].includes(page);
  by("edit").hidden = page !== "c";
  if (page === "write") {
    by("to-work").href = by("to-review").href = `#/work/${first}`;
    writing.open(first, name);
  } else writing.save().then(() => state.page !== "write" && writing.close());
  by("desk").replaceChildren(); // what was there before is not to be typed into
  if (page === "works") drawWorks();
  if (page === "work") drawWork(first);
  if (page === "new") drawNew(state.campaigns ?? [], first);
}

async function hold() {
  const account = sendOf(state.picture)?.account;
  const reason = account && prompt(say("hold_why", { account }));
  if (!reason) return;
  const answer = await send("/hold", { account, reason });
  show("alarm", answer.error ? [answer.error, answer.hint].filter(Boolean).join(" → ") : say("held"));
  refresh();
}

async function edit() {
  const answer = await send("/begin", { edit: state.campaign, words: campaign()?.description || campaign()?.summary || "" });
  if (answer.error) return show("alarm", [answer.error, answer.hint].filter(Boolean).join(" → "));
  location.hash = `#/write/${answer.work}/${encodeURI(answer.id)}`;
}

function setUp() {
  setUpFeed();
  by("edit")?.addEventListener("click", edit);
  by("hold")?.addEventListener("click", hold);
  by("search").addEventListener("input", () => { state.search = by("search").value; drawList(); });
  const size = (value) => {
    state.size = SIZES.includes(value) ? value : "375";
    localStorage.setItem("size", state.size);
    for (const button of by("sizes").children) button.setAttribute("aria-pressed", String(button.dataset.size === state.size));
    drawPicture();
  };
  by("sizes").addEventListener("click", ({ target }) => target.dataset.size && size(target.dataset.size));
  const dark = (value) => {
    state.dark = value;
    by("dark").setAttribute("aria-pressed", String(value));
    drawPicture();
  };
  by("dark").addEventListener("click", () => {
    dark(!state.dark);
    localStorage.setItem("dark", state.dark ? "1" : "0");
  });
  by("month-before").addEventListener("click", () => turnMonth(-1));
  by("month-after").addEventListener("click", () => turnMonth(1));
  by("back").addEventListener("click", () => { state.view = "chat"; drawPicture(); });
  size(state.size);
  dark(state.dark);
}

setUp();
addEventListener("hashchange", route);
// A browser opens few connections to one server: a tab that nobody sees gives its own back.
document.addEventListener("visibilitychange", reconnect);
document.addEventListener("visibilitychange", () => { if (canWrite && !document.hidden) send("/look", {}); });
setInterval(() => { if (events && state.beat && Date.now() - state.beat > SILENCE_MS) { lose(); reconnect(); } }, 1_000);
setInterval(() => { if (!document.hidden && !state.lost) refreshList(); }, LIST_MS);
text("live", say("connecting"));
route();
reconnect();
