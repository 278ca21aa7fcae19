// <status-bar>: whether the service is there, what it does and where, what it holds in memory. Asks when something
// happened; by the clock only while the service starts.

import { currentSession, get } from "../lib/api.js";
import { find } from "../lib/dom.js";
import { isFinal, live } from "../lib/events.js";
import { number, size, t } from "../lib/words.js";

const QUIET_MS = 400;
const STARTING_MS = 2000;

class StatusBar extends HTMLElement {
  #timer = 0;

  connectedCallback() {
    live.addEventListener("up", () => this.#soon());
    live.addEventListener("down", () => this.#show("down", t("Connection lost, trying again")));
    live.addEventListener("job", (event) => {
      const { status, progress } = /** @type {CustomEvent} */ (event).detail;
      if (isFinal(status) || progress === 0 || status === "queued") this.#soon();
    });
    document.addEventListener("models", () => this.#soon());
  }

  #soon(ms = QUIET_MS) {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#refresh(), ms);
  }

  async #refresh() {
    if (!currentSession()?.authenticated) return;
    try {
      const [engines, queued, processing] = await Promise.all([
        get("/health/engines"), get("/jobs?limit=1&status=queued"), get("/jobs?limit=1&status=processing"),
      ]);
      this.#showEngines(engines);
      this.#showQueue(engines, queued.total, processing.total);
      const isStarting = Object.values(engines.workers).includes("starting") || Object.values(engines.devices).includes(null);
      if (isStarting && live.isUp) this.#soon(STARTING_MS);
    } catch (error) {
      this.#show("down", error instanceof Error ? error.message : t("The service does not answer."));
    }
  }

  /** @param {any} engines */
  #showEngines(engines) {
    const loaded = engines.engines.filter((/** @type {any} */ e) => e.loaded);
    const bytes = loaded.reduce((/** @type {number} */ sum, /** @type {any} */ e) => sum + e.n_bytes, 0);
    const devices = new Set(Object.values(engines.devices).filter(Boolean).map((name) => String(name).toUpperCase()));
    this.#part("[data-models]", loaded.map((/** @type {any} */ e) => e.model).join(", ") || t("no model loaded"));
    this.#part("[data-device]", [...devices].join(", "));
    this.#part("[data-memory]", bytes ? size(bytes) : "");
  }

  /** @param {string} selector @param {string} text hidden with its icon where there is none */
  #part(selector, text) {
    const shown = find(this, selector);
    shown.textContent = text;
    /** @type {HTMLElement} */ (shown.parentElement).hidden = !text;
  }

  /** @param {any} engines @param {number} queued @param {number} processing */
  #showQueue(engines, queued, processing) {
    this.#part("[data-queue]", t("{running} running, {waiting} waiting", { running: number(processing), waiting: number(queued) }));
    if (engines.status !== "healthy") {
      const starting = Object.values(engines.workers).includes("starting");
      this.#show(starting ? "waiting" : "down", starting ? t("Starting") : t("Something is down: see Settings"));
    } else if (queued + processing) this.#show("busy", t("Working"));
    else this.#show("ready", t("Ready"));
  }

  /** @param {string} state @param {string} text */
  #show(state, text) {
    find(this, "[data-lamp]").dataset.state = state;
    find(this, "[data-state]:not([data-lamp])").textContent = text;
  }
}

customElements.define("status-bar", StatusBar);
