// Short messages at the edge of the page, and questions before something is lost.

import { element, find, icon } from "./dom.js";
import { t } from "./words.js";

const SHOWN_MS = 6000;

/** @param {string} text @param {"good" | "bad" | ""} [kind] */
export function tell(text, kind = "") {
  const toasts = find(document, "#toasts");
  const toast = element("div", "", { class: `toast ${kind}` });
  const close = element("button", "", { class: "button quiet icon-only small", type: "button", "aria-label": t("Close the message") });
  close.append(icon("x"));
  close.addEventListener("click", () => toast.remove());
  toast.append(element("p", text), close);
  toasts.append(toast);
  while (toasts.childElementCount > 4) toasts.firstElementChild?.remove();
  if (kind !== "bad") window.setTimeout(() => toast.remove(), SHOWN_MS);
}

/** Say what went wrong and what to do. @param {unknown} error */
export function complain(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const text = error instanceof Error ? error.message : String(error);
  const shown = Array.from(find(document, "#toasts").querySelectorAll("p"), (p) => p.textContent);
  if (!shown.includes(text)) tell(text, "bad");
  if (!(error instanceof Error && "status" in error)) console.error(error);
}

/**
 * Ask before something cannot be undone.
 * @param {string} title @param {string} text @param {string} yes @returns {Promise<boolean>}
 */
export function confirmed(title, text, yes) {
  const dialog = /** @type {HTMLDialogElement} */ (find(document, "#confirm"));
  find(dialog, "[data-title]").textContent = title;
  find(dialog, "[data-text]").textContent = text;
  find(dialog, "[data-yes]").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
