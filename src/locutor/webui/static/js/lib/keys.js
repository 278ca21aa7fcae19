// The keyboard: two-key jumps between pages, the player, lists, and the list of all that.

import { find, findAll } from "./dom.js";

const JUMP_MS = 1200;
const SWITCH = "locutor.keys";

/** Whether single keys do something; whoever speaks to the computer, or slips on its keys, may not want that. */
export const areKeysOn = () => localStorage.getItem(SWITCH) !== "off";

/** @param {boolean} on */
export const switchKeys = (on) => (on ? localStorage.removeItem(SWITCH) : localStorage.setItem(SWITCH, "off"));

export function listenToKeys() {
  let jumpUntil = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target) || !areKeysOn()) return;
    if (document.querySelector("dialog[open]")) return;
    if (performance.now() < jumpUntil) {
      jumpUntil = 0;
      if (jump(event.key)) event.preventDefault();
      return;
    }
    if (event.key === "g") jumpUntil = performance.now() + JUMP_MS;
    else if (act(event.key, event.target)) event.preventDefault();
  });
}

/** @param {string} key */
function jump(key) {
  const pages = { s: "studio", v: "voices", j: "jobs", d: "datasets", t: "training", q: "profiles", m: "models", e: "settings" };
  const name = pages[/** @type {keyof typeof pages} */ (key)];
  if (name) find(document, `[data-nav="${name}"]`).click();
  return Boolean(name);
}

/** @param {string} key @param {EventTarget | null} target */
function act(key, target) {
  if (key === "?") /** @type {HTMLDialogElement} */ (find(document, "#shortcuts")).showModal();
  else if (key === "/") findAll(document, "[data-primary]").find((field) => field.offsetParent !== null)?.focus();
  else if (key === "p") document.dispatchEvent(new CustomEvent("dock:toggle"));
  else if (key === "j" || key === "k") move(key === "j" ? 1 : -1);
  else if ((key === "ArrowLeft" || key === "ArrowRight") && !isChooser(target)) {
    document.dispatchEvent(new CustomEvent("dock:skip", { detail: key === "ArrowRight" ? 3 : -3 }));
  } else return false;
  return true;
}

/** To the next entry of the page's list. @param {number} by */
function move(by) {
  const entries = findAll(document, "[data-entry]").filter((entry) => entry.offsetParent !== null);
  const at = entries.findIndex((entry) => entry.contains(document.activeElement));
  const next = entries[at < 0 ? (by > 0 ? 0 : entries.length - 1) : Math.min(entries.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** @param {EventTarget | null} target */
function isWriting(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["radio", "checkbox", "range", "button", "file"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

/** @param {EventTarget | null} target */
const isChooser = (target) => target instanceof HTMLInputElement && ["radio", "range"].includes(target.type);
