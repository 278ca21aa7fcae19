// Datasets: upload, run the steps, look at the doubtful clips first.

import "../elements/file-drop.js";
import "../elements/charts.js";
import { play } from "../elements/audio-dock.js";
import { get, patch, post, remove, withQuery } from "../lib/api.js";
import { element, fill, find, findAll, fromTemplate, showList, showOptions } from "../lib/dom.js";
import { ended, isFinal } from "../lib/events.js";
import { cancelJob, showProgress, showWarnings } from "../lib/jobs.js";
import { complain, confirmed, tell } from "../lib/notify.js";
import { keepDraft, Page, Pager, putValues, valuesOf } from "../lib/page.js";
import { language, languageName, number, percent, sentence, span, t } from "../lib/words.js";

const PAGE = 40;
const TYPED_MS = 300;
const STEPS = ["upload", "download", "segment", "transcribe", "build", "make"];

class DatasetsPage extends Page {
  /** @type {File[]} */
  #files = [];
  /** @type {Map<string, any>} */
  #clips = new Map();
  #nChanges = 0; // of clips, saved
  /** @type {string} */
  #name = new URLSearchParams(location.search).get("name") ?? "";
  #job = "";
  #timer = 0;
  /** @type {any} */
  #draft;
  /** @type {any} */
  #pager;

  start() {
    const form = /** @type {HTMLFormElement} */ (find(this, "[data-new]"));
    this.#draft = keepDraft(form, "dataset", this.signal);
    putValues(form, this.#draft.values);
    this.#pager = new Pager(find(this, "[data-pager]"), PAGE, () => this.#loadClips().catch(complain), this.signal);
    this.#showFiles();
    this.on("files", "file-drop", (_, event) => {
      this.#files.push(.../** @type {CustomEvent} */ (event).detail);
      this.#showFiles();
    });
    this.on("click", "[data-forget-file]", (button) => {
      this.#files.splice(Number(button.dataset.forgetFile), 1);
      this.#showFiles();
    });
    this.on("submit", "[data-new]", (_, event) => (event.preventDefault(), this.#upload(form)));
    this.on("click", "[data-pick]", (button) => this.#choose(/** @type {HTMLElement} */ (button.closest("li")).dataset.key ?? ""));
    this.on("click", "[data-step]", (button) => this.#run(button.dataset.step ?? ""));
    this.on("click", "[data-cancel]", () => cancelJob(this.#job));
    this.on("click", "[data-remove]", () => this.#remove());
    this.on("change", "[data-which]", () => this.#firstPage());
    this.on("input", "[data-search]", () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#firstPage().catch(complain), TYPED_MS);
    });
    this.#clipControls();
  }

  async refresh() {
    const [{ datasets }, languages] = await Promise.all([get("/training/datasets"), get("/languages")]);
    const options = languages.details.map((/** @type {any} */ l) => ({ value: l.code, text: languageName(l.code) || l.name }));
    showOptions(/** @type {HTMLSelectElement} */ (find(this, "[data-languages]")), options, this.#draft.values.language ?? language);
    showList(find(this, "[data-list]"), datasets, (/** @type {any} */ d) => d.name, () => fromTemplate(this, "dataset"), (item, d) => this.#showDataset(item, d));
    this.showEmpty("datasets", !datasets.length);
    find(this, "[data-list-part]").hidden = !datasets.length;
    if (!datasets.some((/** @type {any} */ d) => d.name === this.#name)) this.#name = datasets[0]?.name ?? "";
    await this.#showDetail();
    await this.#pickUp();
  }

  /** A step that was begun before the page was loaded is followed again. */
  async #pickUp() {
    if (this.#job || !this.#name) return;
    const { jobs } = await get(`/jobs?limit=50${STEPS.map((step) => `&kind=dataset_${step}`).join("")}`, this.signal);
    const running = jobs.find((/** @type {any} */ job) => job.subject === this.#name && !isFinal(job.status));
    if (running) this.#follow(running.id).catch(complain);
  }

  /** @param {HTMLElement} item @param {any} dataset */
  #showDataset(item, dataset) {
    fill(item, { name: dataset.name, facts: [t("{n} clips", { n: number(dataset.files ?? 0) }), languageName(dataset.language), dataset.has_metadata ? t("built") : t("not built yet")].filter(Boolean).join(" · ") });
    find(item, "[data-pick]").setAttribute("aria-pressed", String(dataset.name === this.#name));
  }

  // Upload

  #showFiles() {
    const chips = this.#files.map((file, i) => {
      const chip = element("li", "", { class: "chip row" });
      const drop = element("button", "×", { type: "button", class: "status-button", "data-forget-file": String(i), "aria-label": t("Leave out {name}", { name: file.name }) });
      chip.append(file.name, drop);
      return chip;
    });
    find(this, "[data-files]").replaceChildren(...chips);
    fill(this, { needs: this.#files.length ? "" : t("Add a recording first.") });
    /** @type {HTMLButtonElement} */ (find(this, "[data-upload]")).disabled = !this.#files.length;
  }

  /** @param {HTMLFormElement} form */
  async #upload(form) {
    const { name, language: spoken } = valuesOf(form);
    const body = new FormData();
    body.set("folder", name.trim());
    body.set("language", spoken);
    for (const file of this.#files) body.append("file", file);
    const { job_id: jobId } = await post("/training/dataset/upload", body);
    this.#files = [];
    this.#showFiles();
    this.#name = name.trim();
    const job = await this.#follow(jobId);
    if (job.status === "completed" && job.result.n_sources) tell(t("{name} is ready for its steps.", { name: this.#name }), "good");
  }

  // A dataset

  /** @param {string} name */
  async #choose(name) {
    this.#name = name;
    this.#pager.offset = 0;
    showWarnings(find(this, "[data-detail] [data-warnings]"), []);
    history.replaceState(history.state, "", withQuery("/webui/datasets", { name }));
    for (const item of findAll(this, "[data-list] > li")) find(item, "[data-pick]").setAttribute("aria-pressed", String(item.dataset.key === name));
    await this.#showDetail();
  }

  async #showDetail() {
    find(this, "[data-detail]").hidden = !this.#name;
    if (!this.#name) return;
    const { datasets } = await get(withQuery("/training/dataset/stats", { folder: this.#name }));
    this.#showStats(datasets[0].details);
    await this.#loadClips();
  }

  /** @param {any} stats */
  #showStats(stats) {
    fill(this, { title: this.#name, version: stats.version ? t("version {v}", { v: String(stats.version).slice(0, 8) }) : t("not built yet") });
    const figures = [
      [t("Recordings"), number(stats.n_sources)], [t("Their length"), span(stats.source_s)], [t("Clips"), number(stats.n_clips)],
      [t("Written down"), percent(stats.transcribed_percent / 100)], [t("Built"), number(stats.n_built)], [t("Built length"), span(stats.duration_s)],
      [t("For checking"), number(stats.n_val)], [t("Edited"), number(stats.n_edited)],
    ];
    find(this, "[data-figures]").replaceChildren(...figures.map(([name, value]) => {
      const figure = fromTemplate(this, "figure");
      fill(figure, { name, value });
      return figure;
    }));
  }

  /** @param {string} step */
  async #run(step) {
    const { job_id: jobId } = await post(`/training/dataset/${step}`, { folder: this.#name });
    await this.#follow(jobId);
  }

  /** @param {string} jobId @returns {Promise<any>} the job, ended */
  async #follow(jobId) {
    this.#job = jobId;
    const detail = find(this, "[data-detail]");
    detail.hidden = false;
    fill(detail, { title: this.#name, error: "" });
    find(detail, "[data-wrong]").hidden = true;
    const buttons = /** @type {HTMLButtonElement[]} */ (findAll(detail, "[data-step]"));
    for (const button of buttons) button.disabled = true;
    showProgress(detail, { status: "queued", progress: 0, message: "" });
    const job = await ended(jobId, this.signal, (event) => showProgress(detail, event));
    for (const button of buttons) button.disabled = false;
    this.#job = "";
    showProgress(detail, job);
    const refused = Object.entries(job.result?.errors ?? {});
    showWarnings(find(detail, "[data-warnings]"), refused.map(([name, error]) => `${name}: ${sentence(String(error))}`));
    if (job.status === "failed") {
      fill(detail, { error: sentence(job.error_message) });
      find(detail, "[data-wrong]").hidden = false;
    }
    await this.refresh();
    return job;
  }

  async #remove() {
    const text = t("Its recordings, clips and transcripts are deleted from this machine. What was trained on it stays.");
    if (!(await confirmed(t("Delete {name}?", { name: this.#name }), text, t("Delete")))) return;
    await remove(`/training/datasets/${encodeURIComponent(this.#name)}`);
    this.#name = "";
    await this.refresh();
  }

  // Clips

  async #firstPage() {
    this.#pager.offset = 0;
    await this.#loadClips();
  }

  /** @returns {Promise<void>} */
  async #loadClips() {
    const kept = /** @type {HTMLSelectElement} */ (find(this, "[data-which]")).value;
    const q = /** @type {HTMLInputElement} */ (find(this, "[data-search]")).value.trim();
    const before = this.#nChanges;
    const page = await get(withQuery("/training/dataset/clips", { name: this.#name, kept, q, limit: PAGE, offset: this.#pager.offset }), this.signal);
    if (this.#nChanges !== before) return this.#loadClips(); // asked before a change was saved, so it may not know of it
    find(this, "[data-plots]").hidden = !page.lengths.counts.length;
    if (page.lengths.counts.length) void /** @type {any} */ (find(this, "[data-lengths]")).show(page.lengths.edges, page.lengths.counts, t("Clips"));
    find(this, "[data-noise-part]").hidden = !page.noise.counts.length;
    if (page.noise.counts.length) void /** @type {any} */ (find(this, "[data-noise]")).show(page.noise.edges, page.noise.counts, t("Clips"));
    this.#clips = new Map(page.clips.map((/** @type {any} */ clip) => [clip.id, clip]));
    this.#pager.show(page.total);
    this.showEmpty("clips", page.total === 0 && !q && !kept);
    this.#showClips();
  }

  #showClips() {
    showList(find(this, "[data-clips]"), [...this.#clips.values()], (clip) => clip.id, () => fromTemplate(this, "clip"), (item, clip) => this.#showClip(item, clip));
  }

  /** @param {HTMLElement} item @param {any} clip */
  #showClip(item, clip) {
    const field = /** @type {HTMLTextAreaElement} */ (find(item, "[data-text]"));
    if (document.activeElement !== field) field.value = clip.text;
    field.setAttribute("aria-label", t("Transcript of {id}", clip));
    const figures = [span(clip.duration_s), clip.snr_db === null ? "" : t("{n} dB above the noise", { n: number(clip.snr_db) }), !clip.cer ? "" : t("{n} of the letters differ", { n: percent(clip.cer) }), clip.edited ? t("edited") : ""];
    fill(item, { facts: figures.filter(Boolean).join(" · ") });
    find(item, "[data-reasons]").replaceChildren(...clip.reasons.map((/** @type {string} */ reason) => element("li", sentence(reason))));
    const tag = find(item, "[data-kept]");
    tag.textContent = clip.kept ? t("kept") : t("left out");
    tag.className = `tag ${clip.kept ? "good" : "bad"}`;
    find(item, "[data-toggle]").textContent = clip.kept ? t("Drop") : t("Keep");
    find(item, "[data-toggle]").setAttribute("aria-label", clip.kept ? t("Drop clip {id}", clip) : t("Keep clip {id}", clip));
    const hear = find(item, "[data-hear]");
    hear.dataset.url = clip.audio_url;
    hear.setAttribute("aria-label", t("Listen to clip {id}", clip));
  }

  #clipControls() {
    const clipOf = (/** @type {HTMLElement} */ inside) => this.#clips.get(/** @type {HTMLElement} */ (inside.closest("[data-key]")).dataset.key ?? "");
    this.on("click", "[data-hear]", (button) => play({ url: clipOf(button).audio_url, title: clipOf(button).text, subtitle: this.#name }));
    this.on("click", "[data-toggle]", (button) => this.#change(clipOf(button), { kept: !clipOf(button).kept }));
    this.on("change", "[data-text]", (field) => this.#change(clipOf(field), { text: /** @type {HTMLTextAreaElement} */ (field).value.trim() }));
    this.on("keydown", "[data-text]", (field, event) => {
      const { key, shiftKey } = /** @type {KeyboardEvent} */ (event);
      if (key === "Escape" || (key === "Enter" && !shiftKey)) {
        event.preventDefault();
        /** @type {HTMLElement} */ (field.closest("[data-entry]")).focus();
      }
    });
    this.on("keydown", ".clip-item", (item, event) => {
      if (event.target !== item) return;
      const { key } = /** @type {KeyboardEvent} */ (event);
      /** @type {Record<string, string>} */
      const controls = { l: "[data-hear]", e: "[data-text]", x: "[data-toggle]" };
      if (!(key in controls)) return;
      event.preventDefault();
      const control = find(item, controls[key]);
      if (key === "e") control.focus();
      else control.click();
    });
  }

  /** @param {any} clip @param {{text?: string, kept?: boolean}} change */
  async #change(clip, change) {
    const changed = await patch(withQuery(`/training/dataset/clips/${encodeURIComponent(clip.id)}`, { name: this.#name }), change);
    this.#nChanges += 1;
    this.#clips.set(clip.id, { ...clip, ...changed });
    this.#showClips();
  }
}

customElements.define("datasets-page", DatasetsPage);
