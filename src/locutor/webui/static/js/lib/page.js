// What all pages share: elements that clean up after themselves, lists in pages, drafts that survive a reload.

import { find, findAll } from "./dom.js";
import { live } from "./events.js";
import { number, t } from "./words.js";
import { complain } from "./notify.js";

const MOST_PATIENT_MS = 2000;

/**
 * A page: `start` runs when it is shown, `refresh` once events come, so that none is missed and no list fetched twice,
 * and again whenever the service comes back.
 */
export class Page extends HTMLElement {
  /** @type {AbortController} */
  #gone = new AbortController();

  /** Aborted when the page is left. */
  get signal() {
    return this.#gone.signal;
  }

  connectedCallback() {
    this.#gone = new AbortController();
    const wait = setTimeout(() => void this.#load(), live.isComing ? MOST_PATIENT_MS : 0);
    this.signal.addEventListener("abort", () => clearTimeout(wait));
    live.addEventListener("up", () => (clearTimeout(wait), void this.#load()), { signal: this.signal });
    live.addEventListener("job", (event) => this.onJob(/** @type {CustomEvent} */ (event).detail), { signal: this.signal });
    this.start();
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  async #load() {
    try {
      await this.refresh();
      for (const skeleton of findAll(this, "[data-skeleton]")) skeleton.hidden = true;
      if (this.dataset.ready === undefined) performance.mark("interactive");
      this.dataset.ready = "";
    } catch (error) {
      if (!this.signal.aborted) complain(error);
    }
  }

  start() {}

  async refresh() {}

  /** @param {import("./events.js").JobEvent} _event */
  onJob(_event) {}

  /**
   * Listen for an event of elements that fit a selector, now or later.
   * @param {string} type @param {string} selector @param {(element: HTMLElement, event: Event) => unknown} handle
   */
  on(type, selector, handle) {
    const listener = async (/** @type {Event} */ event) => {
      const target = event.target instanceof Element ? event.target.closest(selector) : null;
      if (!(target instanceof HTMLElement) || !this.contains(target)) return;
      try {
        await handle(target, event);
      } catch (error) {
        if (!this.signal.aborted) complain(error);
      }
    };
    this.addEventListener(type, listener, { signal: this.signal });
  }

  /** Show the lesson of an empty list, or not. @param {string} name @param {boolean} isEmpty */
  showEmpty(name, isEmpty) {
    find(this, `[data-empty="${name}"]`).hidden = !isEmpty;
  }
}

/** Pages of a list that the service keeps. */
export class Pager {
  offset = 0;
  total = 0;

  /** @param {HTMLElement} root @param {number} limit @param {() => unknown} load @param {AbortSignal} signal */
  constructor(root, limit, load, signal) {
    this.root = root;
    this.limit = limit;
    const turn = (/** @type {number} */ by) => {
      this.offset = Math.max(0, this.offset + by);
      load();
    };
    find(root, "[data-pager-back]").addEventListener("click", () => turn(-limit), { signal });
    find(root, "[data-pager-on]").addEventListener("click", () => turn(limit), { signal });
  }

  /**
   * @param {number} total
   * @returns {boolean} whether the list still reaches to this page; if not, its last page is to be loaded instead
   */
  show(total) {
    this.total = total;
    const isThere = this.offset === 0 || this.offset < total;
    if (!isThere) this.offset = Math.max(0, Math.floor((total - 1) / this.limit) * this.limit);
    this.root.hidden = total <= this.limit;
    const last = Math.min(this.offset + this.limit, total);
    find(this.root, "[data-pager-where]").textContent = t("{first} to {last} of {total}", {
      first: number(this.offset + 1), last: number(last), total: number(total),
    });
    /** @type {HTMLButtonElement} */ (find(this.root, "[data-pager-back]")).disabled = this.offset === 0;
    /** @type {HTMLButtonElement} */ (find(this.root, "[data-pager-on]")).disabled = last >= total;
    return isThere;
  }
}

/** Named fields of a form: what they hold. @param {HTMLFormElement} form @returns {Record<string, string>} */
export function valuesOf(form) {
  /** @type {Record<string, string>} */
  const values = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string") values[name] = value;
  return values;
}

/** Only the options that an engine has, by name; all of them when it does not tell. @param {HTMLElement} form @param {string[]} [names] */
export function showOptionsOf(form, names) {
  for (const field of findAll(form, "[data-option]")) {
    const isThere = !names || field.dataset.option === "seed" || names.includes(field.dataset.option ?? "");
    field.hidden = !isThere;
    /** @type {HTMLInputElement} */ (find(field, "input")).disabled = !isThere;
  }
}

/** @param {HTMLFormElement} form @param {Record<string, unknown>} values */
export function putValues(form, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements.namedItem(name);
    if (field instanceof RadioNodeList) field.value = String(value);
    else if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = value === true || value === "on";
    else if (field instanceof HTMLInputElement && field.type === "file") continue;
    else if (field instanceof HTMLInputElement && field.type === "radio") field.checked ||= field.value === String(value); // alone of its name
    else if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement) {
      field.value = value === null || value === undefined ? "" : String(value);
    }
  }
}

/**
 * Keep what is written in a form through reloads and restarts.
 * @param {HTMLFormElement} form @param {string} name @param {AbortSignal} signal
 */
export function keepDraft(form, name, signal) {
  const key = `locutor.draft.${name}`;
  const save = () => {
    /** @type {Record<string, string | boolean>} */
    const values = { ...valuesOf(form) };
    for (const box of findAll(form, 'input[type="checkbox"][name]')) {
      values[/** @type {HTMLInputElement} */ (box).name] = /** @type {HTMLInputElement} */ (box).checked;
    }
    localStorage.setItem(key, JSON.stringify(values));
  };
  form.addEventListener("input", save, { signal });
  form.addEventListener("change", save, { signal });
  return { values: readDraft(key), save, clear: () => localStorage.removeItem(key) };
}

/** @param {string} key @returns {Record<string, any>} */
function readDraft(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}");
  } catch {
    return {};
  }
}
