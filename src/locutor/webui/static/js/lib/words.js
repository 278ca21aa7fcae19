// Words in the language of the page, and numbers as that language writes them.

/** @type {Record<string, string>} */
let messages = {};
/** @type {{pattern: RegExp, names: string[], text: string, fixed: number}[]} */
let patterns = [];

export const language = document.documentElement.lang || "en";

/** Fetch the words of the page's language; English needs none. */
export async function loadWords() {
  if (language === "en") return;
  const answer = await fetch(document.documentElement.dataset.words ?? "");
  messages = await answer.json();
  patterns = Object.entries(messages).filter(([key]) => /\{\d\}/.test(key)).map(([key, text]) => toPattern(key, text));
  patterns.sort((a, b) => b.fixed - a.fixed);
}

/**
 * A message in the page's language, with values in its {places}.
 * @param {string} message @param {Record<string, unknown>} [values]
 */
export function t(message, values = {}) {
  return (messages[message] ?? message).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * A finished English sentence of the service in the page's language, where its pattern is known; values of several words
 * may be sentences themselves.
 * @param {string} text @param {number} [depth]
 * @returns {string}
 */
export function sentence(text, depth = 8) {
  if (messages[text] || depth === 0) return messages[text] ?? text;
  for (const { pattern, names, text: translation } of patterns) {
    const found = pattern.exec(text);
    if (!found) continue;
    return translation.replace(/\{(\d)\}/g, (whole, name) => {
      const value = found[names.indexOf(name) + 1] ?? whole;
      return value.includes(" ") ? sentence(value, depth - 1) : value;
    });
  }
  return text;
}

/** @param {string} key @param {string} text */
function toPattern(key, text) {
  /** @type {string[]} */
  const names = [];
  const source = key.split(/(\{\d\})/).map((part) => {
    const name = /^\{(\d)\}$/.exec(part)?.[1];
    if (name === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    if (names.includes(name)) return `\\${names.indexOf(name) + 1}`;
    names.push(name);
    return "(.*?)";
  });
  return { pattern: new RegExp(`^${source.join("")}$`, "s"), names, text, fixed: key.replace(/\{\d\}/g, "").length };
}

/** @param {number | null | undefined} value @param {number} [digits] */
export function number(value, digits = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** @param {number} share 0 to 1 */
export const percent = (share) => new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(share);

/** @param {number | null | undefined} bytes */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  if (bytes >= 2 ** 30) return `${number(bytes / 2 ** 30, 1)} GiB`;
  if (bytes >= 2 ** 20) return `${number(bytes / 2 ** 20, bytes >= 2 ** 24 ? 0 : 1)} MiB`;
  return `${number(Math.ceil(bytes / 1024))} KiB`;
}

/** How many clips, in words. @param {number} n */
export const clipsOf = (n) => (n === 1 ? t("1 clip") : t("{n} clips", { n: number(n) }));

/** Seconds as 1:05. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${String(whole % 60).padStart(2, "0")}`;
}

/** Seconds in words. @param {number} seconds */
export function span(seconds) {
  if (seconds < 10) return t("{n} s", { n: number(seconds, 1) });
  if (seconds < 90) return t("{n} s", { n: number(seconds) });
  if (seconds < 5400) return t("{n} min", { n: number(seconds / 60) });
  return t("{n} h", { n: number(seconds / 3600, 1) });
}

/** A moment, in words when it is near. @param {string | number | null | undefined} at */
export function moment(at) {
  if (!at) return "";
  const date = new Date(at);
  const seconds = (Date.now() - date.getTime()) / 1000;
  if (seconds < 45) return t("just now");
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  if (seconds < 3600) return relative.format(-Math.round(seconds / 60), "minute");
  if (seconds < 86400) return relative.format(-Math.round(seconds / 3600), "hour");
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(date);
}

/** The name of a language tag in the page's language. @param {string | null | undefined} tag */
export function languageName(tag) {
  if (!tag) return "";
  try {
    return new Intl.DisplayNames([language], { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
