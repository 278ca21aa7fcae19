// Jobs: all of them, page by page, live; batches.

import "../elements/file-drop.js";
import { play } from "../elements/audio-dock.js";
import { get, post, withQuery } from "../lib/api.js";
import { element, fill, find, findAll, fromTemplate, showList } from "../lib/dom.js";
import { isFinal } from "../lib/events.js";
import { cancelJob, deleteJob, kindWord, lengthOf, retryJob, showDownloads, showProgress, showState, showWarnings, whenOf } from "../lib/jobs.js";
import { complain, tell } from "../lib/notify.js";
import { Page, Pager } from "../lib/page.js";
import { languageName, sentence, t } from "../lib/words.js";

/** @typedef {import("../lib/jobs.js").Job} Job */

const PAGE = 25;
/** What can be filtered for: kinds of jobs that belong together. */
const KINDS = [["synthesize"], ["synthesize_batch"], ["clone_voice"], ["dataset_upload", "dataset_download", "dataset_segment", "dataset_transcribe", "dataset_build", "dataset_make"], ["train"], ["checkpoint_comparison", "ab_test", "checkpoint_speech"], ["pull_model"]];
const TYPED_MS = 250;
const SAMPLE = "text,voice_id,language\nGood morning!,default,en\nBom dia!,default,pt-BR\n";

class JobsPage extends Page {
  /** @type {Map<string, Job>} */
  #jobs = new Map();
  /** @type {any} */
  #pager;
  #timer = 0;
  /** @type {Map<string, string>} */
  #names = new Map();

  start() {
    this.#pager = new Pager(find(this, "[data-pager]"), PAGE, () => this.refresh().catch(complain), this.signal);
    const kinds = find(this, "[data-kind]");
    for (const group of KINDS) kinds.append(new Option(kindWord(group[0]), group.join()));
    this.on("change", "[data-statuses]", () => this.#filter());
    this.on("change", "[data-kind]", () => this.#filter());
    this.on("input", "[data-search]", () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#filter().catch(complain), TYPED_MS);
    });
    this.on("files", "file-drop", (_, event) => this.#batch(/** @type {CustomEvent} */ (event).detail[0]));
    this.on("click", "[data-sample]", () => saveAs("locutor-batch.csv", SAMPLE));
    this.on("click", "[data-close-dialog]", (button) => button.closest("dialog")?.close());
    this.on("click", "[data-copy]", () => this.#copy());
    this.#jobButtons();
  }

  /** @returns {Promise<void>} */
  async refresh() {
    const status = /** @type {HTMLInputElement} */ (find(this, "[data-statuses] input:checked")).value;
    const kind = /** @type {HTMLSelectElement} */ (find(this, "[data-kind]")).value;
    const q = /** @type {HTMLInputElement} */ (find(this, "[data-search]")).value.trim();
    const wanted = kind.split(",").map((one) => (one ? `&kind=${one}` : "")).join("");
    if (!this.#names.size) await this.#loadNames();
    const page = await get(withQuery("/jobs", { status, q, limit: PAGE, offset: this.#pager.offset }) + wanted, this.signal);
    this.#jobs = new Map(page.jobs.map((/** @type {Job} */ job) => [job.id, job]));
    if (!this.#pager.show(page.total)) return this.refresh();
    this.#show();
  }

  /** Names of voices by their ids, once. */
  async #loadNames() {
    const { voices } = await get("/voices?limit=1000", this.signal);
    this.#names = new Map(voices.map((/** @type {any} */ voice) => [voice.id, voice.name]));
  }

  async #filter() {
    this.#pager.offset = 0;
    await this.refresh();
  }

  #show() {
    const jobs = [...this.#jobs.values()];
    showList(find(this, "[data-list]"), jobs, (job) => job.id, () => fromTemplate(this, "job"), (item, job) => this.#showJob(item, job));
    this.showEmpty("jobs", jobs.length === 0);
  }

  /** @param {HTMLElement} item @param {Job} job */
  #showJob(item, job) {
    showState(item, job);
    const title = job.text ?? job.voice_name ?? job.subject ?? job.id;
    const rows = job.result?.n_rows ? t("{n} of {total} rows", { n: job.result.n_rows - job.result.n_failed, total: job.result.n_rows }) : "";
    const facts = [kindWord(job.kind), job.text ? (this.#names.get(job.voice_id) ?? job.voice_id) : "", languageName(job.target_language), job.model, lengthOf(job), rows];
    fill(item, { title, facts: facts.filter(Boolean).join(" · "), when: whenOf(job) });
    item.setAttribute("aria-label", `${kindWord(job.kind)}: ${title.slice(0, 80)}`);
    const button = find(item, "[data-play-job]");
    button.hidden = !job.audio_url;
    button.dataset.url = job.audio_url ?? "";
    const zip = /** @type {HTMLAnchorElement} */ (find(item, "[data-zip]"));
    zip.hidden = !job.zip_url;
    if (job.zip_url) zip.href = job.zip_url;
    const labels = { "play-job": t("Play: {text}", { text: title.slice(0, 60) }), download: t("Download: {text}", { text: title.slice(0, 60) }), details: t("Details of {text}", { text: title.slice(0, 60) }), delete: t("Delete: {text}", { text: title.slice(0, 60) }) };
    for (const [name, label] of Object.entries(labels)) find(item, `[data-${name}]`).setAttribute("aria-label", label);
    showWarnings(find(item, "[data-warnings]"), [...job.warnings, ...failedRows(job)]);
  }

  #jobButtons() {
    const ofJob = (/** @type {string} */ selector, /** @type {(job: Job) => unknown} */ act) =>
      this.on("click", `[data-list] ${selector}`, (button) => {
        const job = this.#jobs.get(/** @type {HTMLElement} */ (button.closest("[data-key]")).dataset.key ?? "");
        return job && act(job);
      });
    ofJob("[data-play-job]", (job) => play({ url: job.audio_url, peaks: `/jobs/${job.id}/peaks`, title: job.text ?? job.id, subtitle: kindWord(job.kind) }));
    ofJob("[data-download]", showDownloads);
    ofJob("[data-details]", (job) => this.#details(job));
    ofJob("[data-cancel]", async (job) => this.#replace(await cancelJob(job.id)));
    ofJob("[data-retry]", async (job) => this.#replace(await retryJob(job.id)));
    ofJob("[data-delete]", async (job) => {
      if (await deleteJob(job)) await this.refresh();
    });
  }

  /** @param {Job} job */
  #replace(job) {
    this.#jobs.set(job.id, job);
    this.#show();
  }

  /** @param {Job} job */
  #details(job) {
    const dialog = /** @type {HTMLDialogElement} */ (find(this, "[data-details-dialog]"));
    const facts = { [t("Id")]: job.id, [t("Text")]: job.text, [t("Tries")]: String(job.attempts), [t("Kept until")]: job.expires_at ? new Date(job.expires_at).toLocaleString() : t("you delete it") };
    find(dialog, "[data-facts]").replaceChildren(...Object.entries(facts).filter(([, value]) => value).flatMap(([name, value]) => [element("dt", name), element("dd", value ?? "")]));
    find(dialog, "[data-recipe]").textContent = JSON.stringify(job.recipe ?? { options: job.options, result: job.result }, null, 2);
    dialog.showModal();
  }

  async #copy() {
    await navigator.clipboard.writeText(find(this, "[data-recipe]").textContent ?? "");
    tell(t("Copied."), "good");
  }

  /** @param {File} file */
  async #batch(file) {
    const form = new FormData();
    form.set("file", file);
    const job = await post("/jobs/batch", form);
    tell(t("The batch is queued."), "good");
    /** @type {HTMLDetailsElement} */ (find(this, "[data-batch]")).open = false;
    this.#pager.offset = 0;
    await this.refresh();
    this.#jobs.set(job.id, job);
  }

  /** @param {import("../lib/events.js").JobEvent} event */
  async onJob(event) {
    const job = this.#jobs.get(event.job_id);
    if (!job) {
      if (event.status === "queued" && this.#pager.offset === 0) await this.refresh().catch(complain);
      return;
    }
    Object.assign(job, { status: event.status, progress: event.progress, message: event.message });
    if (isFinal(event.status)) this.#replace(await get(`/jobs/${job.id}`));
    else {
      const item = findAll(this, "[data-list] > [data-key]").find((entry) => entry.dataset.key === job.id);
      if (item) {
        showState(item, job);
        showProgress(item, job);
      }
    }
  }
}

/** Rows of a batch that could not be spoken. @param {Job} job */
function failedRows(job) {
  return (job.result?.failures ?? []).slice(0, 20).map((/** @type {any} */ row) => t("Row {n}: {error}", { n: row.row, error: sentence(row.error) }));
}

/** @param {string} name @param {string} text */
function saveAs(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

customElements.define("jobs-page", JobsPage);
