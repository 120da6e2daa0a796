// What the parts of the page share: words, questions to the studio, and writes with the key of this run.

import { el } from "/phone/dom.js";

export const WORDS = JSON.parse(document.body.dataset.words);
const KEY = document.body.dataset.key;
export const canWrite = Boolean(KEY);

export const say = (word, values = {}) => (typeof WORDS[word] === "string" ? WORDS[word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? "")) : WORDS[word]);

// Null when the studio cannot be reached.
export async function ask(path, values = {}) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
  const answer = await fetch(`${path}?${query}`).catch(() => null);
  if (!answer) return null;
  return answer.json().catch(() => null);
}

// Data as JSON, or a file as it is. An answer that is a fault has `error` and `hint`.
export async function send(path, body) {
  const isFile = body instanceof Blob;
  const answer = await fetch(path, {
    method: "POST",
    headers: { "X-Studio-Key": KEY, "Content-Type": isFile ? "application/octet-stream" : "application/json" },
    body: isFile ? body : JSON.stringify(body),
  }).catch(() => null);
  if (!answer) return { error: say("unreachable"), hint: say("unreachable_hint"), status: 0 };
  const data = await answer.json().catch(() => ({ error: say("unreachable"), hint: say("unreachable_hint") }));
  return answer.ok ? data : { error: data.error ?? say("unreachable"), ...data, status: answer.status };
}

// A sentence of ours: what stands between backticks is code.
export function marked(sentence) {
  const parts = String(sentence).split("`");
  return parts.length % 2 ? parts.map((part, index) => (index % 2 ? el("code", {}, part) : part)) : [sentence];
}
