// Quality profiles: see what each sets, choose the default, make own ones.

import { get, patch, post, remove } from "../lib/api.js";
import { element, fill, find, findAll, fromTemplate, showList } from "../lib/dom.js";
import { confirmed } from "../lib/notify.js";
import { Page, putValues, showOptionsOf, valuesOf } from "../lib/page.js";
import { number, sentence, t } from "../lib/words.js";

class ProfilesPage extends Page {
  /** @type {any[]} */
  #profiles = [];
  /** Names of options by engine. @type {Record<string, string[]>} */
  #parameters = {};
  /** @type {{engine: string, id: string}} */
  #editing = { engine: "", id: "" };

  start() {
    this.on("click", "[data-new]", (button) => this.#open(/** @type {HTMLElement} */ (button.closest("[data-key]")).dataset.key ?? "", null));
    this.on("click", "[data-close-dialog]", (button) => button.closest("dialog")?.close());
    this.on("submit", "[data-form]", (_, event) => (event.preventDefault(), this.#save()));
    const of = (/** @type {string} */ selector, /** @type {(profile: any, path: string) => unknown} */ act) =>
      this.on("click", `[data-list] ${selector}`, async (button) => {
        const profile = this.#profiles.find((p) => p.id === /** @type {HTMLElement} */ (button.closest("li")).dataset.key);
        await act(profile, pathOf(profile));
      });
    of("[data-default]", async (_, path) => (await post(`${path}/set-default`), this.refresh()));
    of("[data-copy]", async (_, path) => (await post(`${path}/duplicate`), this.refresh()));
    of("[data-edit]", (profile) => this.#open(profile.engine, profile));
    of("[data-delete]", async (profile, path) => {
      if (!(await confirmed(t("Delete {name}?", profile), t("What was made with it stays as it is."), t("Delete")))) return;
      await remove(path);
      await this.refresh();
    });
  }

  async refresh() {
    const [{ profiles, parameters }, models] = await Promise.all([get("/quality-profiles"), get("/v1/models")]);
    this.#profiles = profiles;
    this.#parameters = parameters;
    const installed = models.data.filter((/** @type {any} */ m) => m.installed).map((/** @type {any} */ m) => m.engine);
    const engines = [...new Set([...installed, ...profiles.map((/** @type {any} */ p) => p.engine)])];
    showList(find(this, "[data-engines]"), engines, (engine) => engine, () => fromTemplate(this, "engine"), (section, engine) => this.#showEngine(section, engine));
  }

  /** @param {HTMLElement} section @param {string} engine */
  #showEngine(section, engine) {
    fill(section, { title: t("Profiles of {engine}", { engine: engineName(engine) }) });
    const own = this.#profiles.filter((profile) => profile.engine === engine);
    showList(find(section, "[data-list]"), own, (p) => p.id, () => fromTemplate(this, "profile"), (item, p) => this.#showProfile(item, p));
  }

  /** @param {HTMLElement} item @param {any} profile */
  #showProfile(item, profile) {
    const name = profile.is_builtin ? t(profile.name) : profile.name;
    fill(item, {
      name, description: profile.is_builtin ? sentence(profile.description) : profile.description,
      default: profile.is_default ? t("default") : "", builtin: profile.is_builtin ? t("built in") : "",
    });
    find(item, "[data-chips]").replaceChildren(...Object.entries(profile.parameters).map(([key, value]) => chip(key, value)));
    find(item, "[data-default]").hidden = profile.is_default;
    for (const selector of ["[data-edit]", "[data-delete]"]) find(item, selector).hidden = profile.is_builtin;
    find(item, "[data-delete]").setAttribute("aria-label", t("Delete {name}", { name }));
    for (const [key, label] of Object.entries({ default: t("Use by default: {name}", { name }), copy: t("Duplicate {name}", { name }), edit: t("Edit {name}", { name }) })) find(item, `[data-${key}]`).setAttribute("aria-label", label);
  }

  /** @param {string} engine @param {any} profile null for a new one */
  #open(engine, profile) {
    this.#editing = { engine, id: profile?.id ?? "" };
    const dialog = /** @type {HTMLDialogElement} */ (find(this, "[data-dialog]"));
    const form = /** @type {HTMLFormElement} */ (find(dialog, "form"));
    form.reset();
    showOptionsOf(form, this.#parameters[engine]);
    if (profile) putValues(form, { ...profile, ...profile.parameters });
    dialog.showModal();
  }

  async #save() {
    const dialog = /** @type {HTMLDialogElement} */ (find(this, "[data-dialog]"));
    const values = valuesOf(/** @type {HTMLFormElement} */ (find(dialog, "form")));
    /** @type {Record<string, unknown>} */
    const parameters = {};
    for (const field of findAll(dialog, "[data-option]")) {
      const name = field.dataset.option ?? "";
      if (values[name]) parameters[name] = Number(values[name]);
    }
    if (values.remove_silence) parameters.remove_silence = true;
    const body = { name: values.name, description: values.description, parameters };
    if (this.#editing.id) await patch(pathOf(this.#editing), body);
    else await post(`/quality-profiles/${encodeURIComponent(this.#editing.engine)}`, body);
    dialog.close();
    await this.refresh();
  }
}

/** @param {{engine: string, id: string}} profile */
const pathOf = ({ engine, id }) => `/quality-profiles/${encodeURIComponent(engine)}/${encodeURIComponent(id)}`;

/** @param {string} engine */
const engineName = (engine) => ({ builtin: t("the built-in voice model"), f5: "F5-TTS", xtts: "XTTS" })[engine] ?? engine;

/** @param {string} key @param {unknown} value */
function chip(key, value) {
  /** @type {Record<string, string>} */
  const names = { nfe_step: t("Steps"), cfg_strength: t("Guidance"), speed: t("Speed"), sway_sampling_coef: t("Sway"), cross_fade_s: t("Cross-fade"), loudness_lufs: t("Loudness"), remove_silence: t("Cut silences"), target_rms: "RMS", temperature: t("Temperature"), repetition_penalty: t("Repetition penalty"), length_penalty: t("Length penalty"), top_k: "Top-k", top_p: "Top-p" };
  const shown = element("span", "", { class: "chip" });
  const text = typeof value === "number" ? number(value, Number.isInteger(value) ? 0 : 2) : value === true ? t("yes") : String(value);
  shown.append(element("b", names[key] ?? key), text);
  return shown;
}

customElements.define("profiles-page", ProfilesPage);
