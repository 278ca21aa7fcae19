// Settings: health, storage, keys, and this page's own memory.

import { currentSession, get, post, remove, withQuery } from "../lib/api.js";
import { element, fill, find, fromTemplate, showList } from "../lib/dom.js";
import { forgetFiles } from "../lib/keep.js";
import { areKeysOn, switchKeys } from "../lib/keys.js";
import { confirmed, tell } from "../lib/notify.js";
import { Page, valuesOf } from "../lib/page.js";
import { moment, number, sentence, size, span, t } from "../lib/words.js";

/** @type {Record<string, string[]>} */
const SCOPES = { speak: ["speak"], voices: ["speak", "voices"], train: ["speak", "voices", "train"], admin: ["admin"] };

class SettingsPage extends Page {
  #secret = "";

  start() {
    this.on("click", "[data-cleanup]", (button) => this.#cleanup(button.dataset.cleanup === "deep"));
    this.on("submit", "[data-key-form]", (_, event) => (event.preventDefault(), this.#makeKey()));
    this.on("click", "[data-copy-key]", async () => {
      await navigator.clipboard.writeText(this.#secret);
      tell(t("Copied."), "good");
    });
    this.on("click", "[data-revoke]", (button) => this.#revoke(/** @type {HTMLElement} */ (button.closest("li"))));
    const keys = /** @type {HTMLInputElement} */ (find(this, "[data-keys-switch]"));
    keys.checked = areKeysOn();
    keys.addEventListener("change", () => switchKeys(keys.checked));
    this.on("click", "[data-forget]", async () => {
      for (const key of Object.keys(localStorage)) if (key.startsWith("locutor.draft.")) localStorage.removeItem(key);
      await forgetFiles();
      tell(t("Forgotten."), "good");
    });
  }

  async refresh() {
    const [health, engines, stats] = await Promise.all([get("/health"), get("/health/engines"), this.#mayAdmin() ? get("/admin/stats") : null]);
    this.#showHealth(health, engines);
    if (stats) this.#showStorage(stats);
    await this.#loadKeys();
  }

  #mayAdmin() {
    return Boolean(currentSession()?.scopes.includes("admin"));
  }

  /** @param {any} health @param {any} engines */
  #showHealth(health, engines) {
    const names = { database: t("Database"), disk: t("Disk"), speech: t("Speech") };
    const checks = Object.entries(health.checks).map(([name, state]) => ({ name: names[/** @type {"disk"} */ (name)] ?? name, state: String(state) }));
    showList(find(this, "[data-checks]"), checks, (check) => check.name, () => fromTemplate(this, "check"), (item, check) => {
      const isWell = check.state === "ok";
      fill(item, { name: check.name, state: isWell ? "" : sentence(check.state) });
      const verdict = find(item, "[data-verdict]");
      verdict.textContent = isWell ? t("well") : t("down");
      verdict.className = `tag ${isWell ? "good" : "bad"}`;
    });
    /** @type {Record<string, string>} */
    const states = { ready: t("ready"), starting: t("starting"), down: t("down") };
    const workers = Object.values(engines.workers).map((state) => states[String(state)] ?? String(state)).join(", ");
    showFacts(find(this, "[data-service]"), { [t("Version")]: health.version, [t("Running for")]: span(health.uptime_s), [t("Workers")]: workers });
  }

  /** @param {any} stats */
  #showStorage(stats) {
    const cache = stats.cache ?? {};
    showFacts(find(this, "[data-storage]"), {
      [t("Jobs")]: number(stats.jobs.total), [t("Voices")]: number(stats.voice_profiles.total),
      [t("Files")]: cache.files_count === undefined ? "" : number(cache.files_count),
      [t("They take")]: cache.total_size_mb === undefined ? "" : size(cache.total_size_mb * 2 ** 20),
      [t("Free on the disk")]: cache.free_bytes === undefined ? "" : size(cache.free_bytes),
    });
  }

  /** @param {boolean} deep */
  async #cleanup(deep) {
    const would = await post(withQuery("/admin/cleanup", { deep: deep || undefined }));
    if (!would.jobs.length && !would.n_files) {
      tell(t("There is nothing to clean up."));
      return;
    }
    const text = t("{jobs} jobs and {files} files go, {size} become free. Voices stay.", { jobs: number(would.jobs.length), files: number(would.n_files), size: size(would.n_bytes) });
    if (!(await confirmed(t("Clean up?"), text, t("Delete them")))) return;
    const done = await post(withQuery("/admin/cleanup", { deep: deep || undefined, confirm: true }));
    tell(t("{size} freed.", { size: size(done.n_bytes) }), "good");
    await this.refresh();
  }

  async #loadKeys() {
    const isNeeded = currentSession()?.key_required;
    fill(this, { "keys-note": isNeeded ? t("Whoever reaches this service needs one of these keys.") : t("Only this machine reaches the service, so no key is asked for. Keys made here count once it listens to others (--host).") });
    if (!this.#mayAdmin()) return;
    const { keys } = await get("/admin/keys");
    find(this, "[data-keys-part]").hidden = false;
    showList(find(this, "[data-keys]"), keys.filter((/** @type {any} */ key) => !key.revoked_at), (/** @type {any} */ key) => key.id, () => fromTemplate(this, "key"), (item, key) => {
      fill(item, { name: key.name, facts: [key.scopes.join(", "), t("made {when}", { when: moment(key.created_at) }), key.last_used_at ? t("used {when}", { when: moment(key.last_used_at) }) : t("never used")].join(" · ") });
      find(item, "[data-revoke]").setAttribute("aria-label", t("Revoke {name}", key));
    });
  }

  async #makeKey() {
    const form = /** @type {HTMLFormElement} */ (find(this, "[data-key-form]"));
    const { name, scope } = valuesOf(form);
    const made = await post("/admin/keys", { name, scopes: SCOPES[scope] });
    this.#secret = made.key;
    fill(this, { secret: made.key });
    find(this, "[data-secret]").hidden = false;
    form.reset();
    await this.#loadKeys();
  }

  /** @param {HTMLElement} item */
  async #revoke(item) {
    const name = find(item, "[data-f=name]").textContent ?? "";
    if (!(await confirmed(t("Revoke {name}?", { name }), t("Whoever uses this key is refused from now on."), t("Revoke")))) return;
    await remove(`/admin/keys/${item.dataset.key}`);
    await this.#loadKeys();
  }
}

/** @param {HTMLElement} list @param {Record<string, string>} facts */
function showFacts(list, facts) {
  list.replaceChildren(...Object.entries(facts).filter(([, value]) => value).flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

customElements.define("settings-page", SettingsPage);
