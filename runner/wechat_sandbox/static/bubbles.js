// What a message looks like in the conversation, one drawer a kind of content.

import { el } from "./dom.js";
import { say } from "./words.js";

const TOKEN = /<a\b([^>]*)>([\s\S]*?)<\/a>|https?:\/\/[^\s<>"'“”‘’，。；：！？、（）【】《》]+/gi;
const HREF = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i;

// A link that opens elsewhere and tells the other side nothing; anything but the web stays plain text.
function link(address, words) {
  let url = null;
  try {
    url = new URL(address.replaceAll("&amp;", "&"));
  } catch {
    return document.createTextNode(words);
  }
  if (!/^https?:$/.test(url.protocol)) return document.createTextNode(words);
  return el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, words);
}

// Text with its links; line breaks are kept by the style sheet.
export function rich(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    parts.push(text.slice(at, found.index));
    const href = HREF.exec(found[1] ?? "");
    const address = found[1] === undefined ? found[0] : (href?.[1] ?? href?.[2] ?? href?.[3] ?? "");
    parts.push(link(address, found[2] ?? found[0]));
    at = found.index + found[0].length;
  }
  return [...parts, text.slice(at)];
}

// Shows the part of a cover that the author chose: x1_y1_x2_y2 as fractions.
function crop(image, fractions) {
  const [x1, y1, x2, y2] = String(fractions).split("_").map(Number);
  if (x2 > x1 && y2 > y1)
    image.style.objectViewBox = `inset(${y1 * 100}% ${(1 - x2) * 100}% ${(1 - y2) * 100}% ${x1 * 100}%)`;
}

function picture(src, alt, fractions = "") {
  if (!src) return el("span", { class: "blank", role: "img", "aria-label": say("noFile") });
  const image = el("img", { src, alt, loading: "lazy", draggable: "false" });
  crop(image, fractions);
  return image;
}

const opener = (open, page, title, className, ...children) =>
  el("button", { type: "button", class: className, "data-page": page, onclick: () => open(page, title) }, ...children);

const goneMark = (gone) => gone && el("span", { class: "gone" }, say("gone"));

function card(article, large, open) {
  const isPictures = article.type === "newspic";
  const square = !large || isPictures;
  const cover = picture(article.cover, "", square ? article.crop_square : article.crop_wide);
  const count = isPictures && article.pictures > 1 && say("nPictures", { n: article.pictures });
  return opener(
    open, article.page, article.title, `card ${large ? "large" : "small"} ${isPictures ? "pictures" : ""}`,
    el("span", { class: "cover" }, cover, count && el("span", { class: "count" }, count)),
    el("span", { class: "words" }, el("strong", {}, article.title), goneMark(article.gone),
      large && article.digest && el("span", { class: "digest" }, article.digest)),
  );
}

function articles(content, open) {
  const [first, ...others] = content.articles;
  if (!first) return el("p", { class: "bubble" }, "—");
  return el("div", { class: "cards" }, card(first, true, open), ...others.map((other) => card(other, false, open)));
}

function images({ images: shown, page }, open) {
  const title = shown.title || say("type_image");
  const grid = shown.pictures.map((src) => picture(src, ""));
  return opener(
    open, page, title, `album ${grid.length > 1 ? "many" : "one"}`,
    el("span", { class: "grid" }, ...(grid.length ? grid.slice(0, 9) : [picture("", "")])),
    grid.length > 1 && el("span", { class: "words" }, shown.title && el("strong", {}, shown.title),
      el("span", { class: "digest" }, [shown.recommend, say("nPictures", { n: grid.length })].filter(Boolean).join(" · "))),
    grid.length === 1 && el("span", { class: "unseen" }, title),
  );
}

function voice({ voice: shown }) {
  const length = el("span", { class: "length" }, "");
  const button = el("button", { type: "button", class: "bubble voice", "aria-label": say("play"), disabled: !shown.src },
    el("i", { "aria-hidden": "true" }), el("span", { class: "waves", "aria-hidden": "true" }), length);
  const note = el("span", { class: "note" }, shown.src ? shown.name : say("noFile"));
  if (!shown.src) return el("div", { class: "sound" }, button, note);
  const sound = el("audio", { src: shown.src, preload: "metadata" });
  const mark = () => {
    button.classList.toggle("playing", !sound.paused);
    button.setAttribute("aria-label", `${say(sound.paused ? "play" : "playing")} ${shown.name}`);
  };
  sound.addEventListener("loadedmetadata", () => {
    if (Number.isFinite(sound.duration)) length.textContent = `${Math.max(1, Math.round(sound.duration))}″`;
  });
  sound.addEventListener("error", () => {
    button.disabled = true;
    note.textContent = `${shown.name} · ${say("unplayable")}`;
  });
  for (const event of ["play", "pause", "ended"]) sound.addEventListener(event, mark);
  button.addEventListener("click", () => (sound.paused ? sound.play().catch(() => {}) : sound.pause()));
  mark();
  return el("div", { class: "sound" }, button, sound, note);
}

function video({ video: shown, gone }) {
  const film = shown.src && !gone && el("video", { src: shown.src, controls: true, preload: "metadata", playsinline: true,
    "aria-label": shown.title || say("type_video") });
  const note = el("span", { class: "note", hidden: Boolean(film) }, say(gone ? "recalled" : "noFile"));
  if (film) film.addEventListener("error", () => { note.textContent = say("unplayable"); note.hidden = false; });
  return el("div", { class: "film" }, film || null, el("div", { class: "words" }, note,
    shown.title && el("strong", {}, shown.title), shown.description && el("span", { class: "digest" }, shown.description)));
}

const coupon = ({ card: shown }) =>
  el("div", { class: "coupon" }, el("strong", {}, say("card")), el("code", {}, shown.card_id));

const DRAWERS = {
  text: (content) => el("p", { class: "bubble" }, ...rich(content.text)),
  articles, images, voice, video, card: coupon,
};

export function body(message, open) {
  const kind = Object.keys(DRAWERS).find((key) => key in message.content);
  return kind ? DRAWERS[kind](message.content, open) : el("p", { class: "bubble" }, message.summary || message.msgtype);
}

export function typeName(message) {
  const isPictures = message.content?.articles?.[0]?.type === "newspic";
  return say(isPictures ? "newspic" : `type_${message.msgtype}`);
}
