// Datasets: upload, run the steps, look at the doubtful clips first.

import "../elements/file-drop.js";
import "../elements/charts.js";
import { play } from "../elements/audio-dock.js";
import { ApiError, get, patch, post, remove, withQuery } from "../lib/api.js";
import { element, fill, find, findAll, fromTemplate, showList, showOptions } from "../lib/dom.js";
import { ended, isFinal } from "../lib/events.js";
import { cancelJob, showProgress, showWarnings } from "../lib/jobs.js";
import { complain, confirmed, tell } from "../lib/notify.js";
import { keepDraft, Page, Pager, putValues, valuesOf } from "../lib/page.js";
import { Unsaved } from "../lib/unsaved.js";
import { clipsOf, language, languageName, number, percent, sentence, span, t } from "../lib/words.js";

const PAGE = 40;
const TYPED_MS = 300;
const REFUSALS = [400, 413, 422];
const NO_JOB = { status: "completed", progress: 0, message: "" };
const STEPS = ["upload", "download", "segment", "transcribe", "build", "make"];

class DatasetsPage extends Page {
  /** @type {File[]} */
  #files = [];
  #isSending = false;
  /** @type {Set<string>} */
  #known = new Set();
  /** @type {Map<string, any>} */
  #clips = new Map();
  #nChanges = 0; // of clips, saved
  #unsaved = new Unsaved();
  /** Texts that would be refused again. @type {Set<string>} */
  #refused = new Set();
  /** @type {string} */
  #name = new URLSearchParams(location.search).get("name") ?? "";
  /** The last job of each dataset, as far as it was followed from here. @type {Map<string, any>} */
  #jobs = new Map();
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
    this.on("click", "[data-cancel]", () => cancelJob(this.#jobs.get(this.#name).id));
    this.on("click", "[data-remove]", () => this.#remove());
    this.on("change", "[data-which]", () => this.#firstPage());
    this.on("input", "[data-search]", () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#firstPage().catch(complain), TYPED_MS);
    });
    this.#clipControls();
  }

  async refresh() {
    await this.#sendAgain();
    const [{ datasets }, languages] = await Promise.all([get("/training/datasets"), get("/languages")]);
    const options = languages.details.map((/** @type {any} */ l) => ({ value: l.code, text: languageName(l.code) || l.name }));
    const field = /** @type {HTMLSelectElement} */ (find(this, "[data-languages]"));
    showOptions(field, options, field.value || this.#draft.values.language || language);
    this.#known = new Set(datasets.map((/** @type {any} */ d) => d.name));
    if (!this.#known.has(this.#name) && !this.#isBusy()) this.#name = datasets[0]?.name ?? "";
    showList(find(this, "[data-list]"), datasets, (/** @type {any} */ d) => d.name, () => fromTemplate(this, "dataset"), (item, d) => this.#showDataset(item, d));
    this.showEmpty("datasets", !datasets.length);
    find(this, "[data-list-part]").hidden = !datasets.length;
    await this.#showDetail();
    await this.#pickUp();
  }

  /** Whether something is done to the chosen dataset. */
  #isBusy() {
    const job = this.#jobs.get(this.#name);
    return Boolean(job) && !isFinal(job.status);
  }

  /** A step of the chosen dataset that was not begun from here is followed too. */
  async #pickUp() {
    const name = this.#name;
    if (!name || this.#isBusy()) return;
    const { jobs } = await get(`/jobs?limit=50${STEPS.map((step) => `&kind=dataset_${step}`).join("")}`, this.signal);
    const running = jobs.find((/** @type {any} */ job) => job.subject === name && !isFinal(job.status));
    if (running && running.id !== this.#jobs.get(name)?.id) this.#follow(name, running.id).catch(complain);
  }

  /** @param {HTMLElement} item @param {any} dataset */
  #showDataset(item, dataset) {
    fill(item, { name: dataset.name, facts: [clipsOf(dataset.files ?? 0), languageName(dataset.language), dataset.has_metadata ? t("built") : t("not built yet")].filter(Boolean).join(" · ") });
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
    /** @type {HTMLButtonElement} */ (find(this, "[data-upload]")).disabled = this.#isSending || !this.#files.length;
  }

  /** @param {HTMLFormElement} form */
  async #upload(form) {
    const name = valuesOf(form).name.trim();
    const jobId = await this.#send(name, valuesOf(form).language);
    this.#name = name;
    const following = this.#follow(name, jobId);
    this.#choose(name).catch(complain);
    const job = await following;
    if (job.status === "completed" && job.result.n_sources) tell(t("{name} is ready for its steps.", { name }), "good");
  }

  /** The files, once; more may be added while they go. @param {string} name @param {string} spoken @returns {Promise<string>} the job's id */
  async #send(name, spoken) {
    const files = [...this.#files];
    const body = new FormData();
    body.set("folder", name);
    body.set("language", spoken);
    for (const file of files) body.append("file", file);
    this.#isSending = true;
    this.#showFiles();
    try {
      const { job_id: jobId } = await post("/training/dataset/upload", body);
      this.#files = this.#files.filter((file) => !files.includes(file));
      return jobId;
    } finally {
      this.#isSending = false;
      this.#showFiles();
    }
  }

  // A dataset

  /** @param {string} name */
  async #choose(name) {
    this.#name = name;
    this.#pager.offset = 0;
    history.replaceState(history.state, "", withQuery("/webui/datasets", { name }));
    for (const item of findAll(this, "[data-list] > li")) find(item, "[data-pick]").setAttribute("aria-pressed", String(item.dataset.key === name));
    await this.#showDetail();
    await this.#pickUp();
  }

  async #showDetail() {
    const name = this.#name;
    find(this, "[data-detail]").hidden = !name;
    if (!name) return;
    this.#showJob();
    if (!this.#known.has(name)) {
      this.#showNothing();
      return;
    }
    const { datasets } = await get(withQuery("/training/dataset/stats", { folder: name }), this.signal);
    if (name !== this.#name) return; // another one was chosen meanwhile
    this.#showStats(datasets[0].details);
    await this.#loadClips();
  }

  /** Of a dataset that is still being sent there is nothing to see. */
  #showNothing() {
    fill(this, { version: "" });
    find(this, "[data-figures]").replaceChildren();
    find(this, "[data-plots]").hidden = true;
    this.#clips = new Map();
    this.#pager.show(0);
    this.showEmpty("clips", false);
    this.#showClips();
  }

  /** @param {any} stats */
  #showStats(stats) {
    fill(this, { version: stats.version ? t("version {v}", { v: String(stats.version).slice(0, 8) }) : t("not built yet") });
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
    const name = this.#name;
    this.#allowSteps(false); // at once, or two clicks would begin it twice
    try {
      const { job_id: jobId } = await post(`/training/dataset/${step}`, { folder: name });
      await this.#follow(name, jobId);
    } finally {
      this.#allowSteps(!this.#isBusy());
    }
  }

  /** @param {string} name of the dataset @param {string} jobId @returns {Promise<any>} the job, ended */
  async #follow(name, jobId) {
    const note = (/** @type {any} */ job) => {
      this.#jobs.set(name, { ...job, id: jobId });
      if (name === this.#name) this.#showJob();
    };
    note({ status: "queued", progress: 0, message: "" });
    try {
      const job = await ended(jobId, this.signal, note);
      note(job);
      await this.refresh();
      return job;
    } catch (error) {
      if (this.#jobs.get(name)?.id === jobId && !isFinal(this.#jobs.get(name).status)) this.#jobs.delete(name);
      if (name === this.#name) this.#showJob();
      throw error;
    }
  }

  /** What is done to the chosen dataset, and what the last step said of it. */
  #showJob() {
    const job = this.#jobs.get(this.#name);
    const detail = find(this, "[data-detail]");
    detail.hidden = false;
    fill(detail, { title: this.#name, error: job?.error_message ? sentence(job.error_message) : "" });
    find(detail, "[data-wrong]").hidden = !job?.error_message;
    this.#allowSteps(!this.#isBusy());
    showProgress(detail, job ?? NO_JOB);
    const refused = Object.entries(job?.result?.errors ?? {});
    showWarnings(find(detail, "[data-warnings]"), refused.map(([file, error]) => `${file}: ${sentence(String(error))}`));
  }

  /** @param {boolean} mayBegin */
  #allowSteps(mayBegin) {
    for (const button of findAll(this, "[data-step]")) /** @type {HTMLButtonElement} */ (button).disabled = !mayBegin;
  }

  async #remove() {
    const name = this.#name;
    const text = t("Its recordings, clips and transcripts are deleted from this machine. What was trained on it stays.");
    if (!(await confirmed(t("Delete {name}?", { name }), text, t("Delete")))) return;
    await remove(`/training/datasets/${encodeURIComponent(name)}`);
    this.#unsaved.forgetAll(name);
    this.#jobs.delete(name);
    if (name === this.#name) this.#name = "";
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
    const [name, before] = [this.#name, this.#nChanges];
    const page = await get(withQuery("/training/dataset/clips", { name, kept, q, limit: PAGE, offset: this.#pager.offset }), this.signal);
    if (name !== this.#name) return;
    if (this.#nChanges !== before) return this.#loadClips(); // asked before a change was saved, so it may not know of it
    if (!this.#pager.show(page.total)) return this.#loadClips();
    find(this, "[data-plots]").hidden = !page.lengths.counts.length;
    if (page.lengths.counts.length) void /** @type {any} */ (find(this, "[data-lengths]")).show(page.lengths.edges, page.lengths.counts, t("Clips"));
    find(this, "[data-noise-part]").hidden = !page.noise.counts.length;
    if (page.noise.counts.length) void /** @type {any} */ (find(this, "[data-noise]")).show(page.noise.edges, page.noise.counts, t("Clips"));
    this.#clips = new Map(page.clips.map((/** @type {any} */ clip) => [clip.id, clip]));
    this.showEmpty("clips", page.total === 0 && !q && !kept);
    this.#showClips();
  }

  #showClips() {
    showList(find(this, "[data-clips]"), [...this.#clips.values()], (clip) => clip.id, () => fromTemplate(this, "clip"), (item, clip) => this.#showClip(item, clip));
  }

  /** @param {HTMLElement} item @param {any} clip */
  #showClip(item, clip) {
    const field = /** @type {HTMLTextAreaElement} */ (find(item, "[data-text]"));
    const unsaved = this.#unsaved.get(this.#name, clip.id);
    if (document.activeElement !== field) field.value = unsaved ?? clip.text;
    field.setAttribute("aria-label", t("Transcript of {id}", clip));
    const figures = [span(clip.duration_s), clip.snr_db === null ? "" : t("{n} dB above the noise", { n: number(clip.snr_db) }), !clip.cer ? "" : t("{n} of the letters differ", { n: percent(clip.cer) }), clip.edited ? t("edited") : "", unsaved === undefined ? "" : t("not saved yet")];
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
    this.on("click", "[data-toggle]", (button) => this.#change(this.#name, clipOf(button).id, { kept: !clipOf(button).kept }));
    this.on("change", "[data-text]", (field) => this.#correct(this.#name, clipOf(field).id, /** @type {HTMLTextAreaElement} */ (field).value.trim()));
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

  /** A text is kept until the service has it. @param {string} dataset @param {string} id @param {string} text */
  async #correct(dataset, id, text) {
    this.#unsaved.keep(dataset, id, text);
    try {
      await this.#change(dataset, id, { text });
      this.#unsaved.forget(dataset, id, text);
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      if (status === 404) this.#unsaved.forget(dataset, id, text); // the clip is gone
      if (REFUSALS.includes(status)) this.#refused.add(text);
      throw error;
    } finally {
      this.#showClips();
    }
  }

  /** What could not be saved when it was written. */
  async #sendAgain() {
    for (const { dataset, clip, text } of this.#unsaved.all()) {
      if (!this.#refused.has(text)) await this.#correct(dataset, clip, text).catch(complain);
    }
  }

  /** @param {string} dataset @param {string} id @param {{text?: string, kept?: boolean}} change */
  async #change(dataset, id, change) {
    const changed = await patch(withQuery(`/training/dataset/clips/${encodeURIComponent(id)}`, { name: dataset }), change);
    this.#nChanges += 1;
    if (dataset !== this.#name || !this.#clips.has(id)) return;
    this.#clips.set(id, { ...this.#clips.get(id), ...changed });
    this.#showClips();
  }
}

customElements.define("datasets-page", DatasetsPage);
