// Models: licence, size, in memory or not.

import { get, post } from "../lib/api.js";
import { element, fill, find, fromTemplate, showList } from "../lib/dom.js";
import { ended } from "../lib/events.js";
import { showProgress, tellEnd } from "../lib/jobs.js";
import { confirmed, tell } from "../lib/notify.js";
import { Page } from "../lib/page.js";
import { languageName, sentence, size, t } from "../lib/words.js";

class ModelsPage extends Page {
  /** @type {any[]} */
  #models = [];

  start() {
    const of = (/** @type {string} */ selector, /** @type {(model: any, item: HTMLElement, button: HTMLButtonElement) => unknown} */ act) =>
      this.on("click", selector, async (button) => {
        const item = /** @type {HTMLElement} */ (button.closest("li"));
        await act(this.#models.find((m) => m.id === item.dataset.key), item, /** @type {HTMLButtonElement} */ (button));
      });
    of("[data-load]", (model, _, button) => this.#switch(model, "load", button));
    of("[data-unload]", (model, _, button) => this.#switch(model, "unload", button));
    of("[data-pull]", (model, item) => this.#pull(model, item));
  }

  async refresh() {
    this.#models = (await get("/models")).models;
    showList(find(this, "[data-list]"), this.#models, (m) => m.id, () => fromTemplate(this, "model"), (item, m) => this.#showModel(item, m));
  }

  /** @param {HTMLElement} item @param {any} model */
  #showModel(item, model) {
    fill(item, {
      name: model.id, description: sentence(model.title), loaded: model.loaded ? t("in memory") : "",
      installed: model.installed ? t("on this machine") : t("not downloaded"),
      restriction: t("For non-commercial use only, says its licence."),
    });
    find(item, "[data-licence]").hidden = model.commercial_use;
    const facts = {
      [t("Engine")]: model.engine, [t("Licence")]: model.licence, [t("Languages")]: model.languages.map(languageName).join(", "),
      [t("Size")]: model.size_bytes ? size(model.size_bytes) : model.bundled ? t("comes with Locutor") : "", [t("Device")]: model.device?.toUpperCase() ?? "", [t("Memory")]: model.memory_bytes ? size(model.memory_bytes) : "", [t("Used by")]: model.users ? t("{n} jobs now", { n: model.users }) : "",
    };
    find(item, "[data-facts]").replaceChildren(...Object.entries(facts).filter(([, v]) => v).flatMap(([k, v]) => [element("dt", k), element("dd", v)]));
    for (const [name, shown] of Object.entries({ load: model.installed && !model.loaded, unload: model.loaded, pull: !model.installed })) {
      const button = find(item, `[data-${name}]`);
      button.hidden = !shown;
      button.setAttribute("aria-label", `${button.textContent?.trim()}: ${model.id}`);
    }
  }

  /** @param {any} model @param {"load" | "unload"} what @param {HTMLButtonElement} button */
  async #switch(model, what, button) {
    button.disabled = true;
    try {
      await post(`/admin/models/${encodeURIComponent(model.id)}/${what}`);
    } finally {
      button.disabled = false;
    }
    tell(what === "load" ? t("{id} is in memory.", model) : t("{id} was unloaded.", model), "good");
    document.dispatchEvent(new Event("models"));
    await this.refresh();
  }

  /** @param {any} model @param {HTMLElement} item */
  async #pull(model, item) {
    const terms = [model.licence, model.licence_url, model.commercial_use ? "" : t("no commercial use")].filter(Boolean).join(", ");
    const text = t("{id} is under {licence}. It is fetched from its publisher and checked before use.", { id: model.id, licence: terms });
    if (!(await confirmed(t("Download this model?"), text, t("Download")))) return;
    const { id } = await post(`/models/${encodeURIComponent(model.id)}/pull`, { accept_licence: true });
    const job = await ended(id, this.signal, (event) => showProgress(item, event));
    showProgress(item, job);
    tellEnd(job);
    await this.refresh();
  }
}

customElements.define("models-page", ModelsPage);
