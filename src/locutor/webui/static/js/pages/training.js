// Training: start, watch, listen, compare, promote.

import "../elements/charts.js";
import { play } from "../elements/audio-dock.js";
import { get, post, withQuery } from "../lib/api.js";
import { BlindTest } from "../lib/blind.js";
import { fill, find, fromTemplate, showList, showOptions } from "../lib/dom.js";
import { ended } from "../lib/events.js";
import { showProgress, tellEnd } from "../lib/jobs.js";
import { complain, tell } from "../lib/notify.js";
import { keepDraft, Page, putValues, valuesOf } from "../lib/page.js";
import { clipsOf, moment, number, percent, sentence, size, span, t } from "../lib/words.js";

const NUMBERS = ["epochs", "batch_size", "learning_rate", "rank", "max_train_samples", "patience", "keep_last"];
const LOG_LINES = 200;
const QUIET_MS = 700;

class TrainingPage extends Page {
  #name = new URLSearchParams(location.search).get("model_name") ?? "";
  /** @type {any[]} */
  #runs = [];
  /** @type {any[]} */
  #rows = [];
  /** @type {any[]} */
  #checkpoints = [];
  /** @type {any[]} */
  #samples = [];
  /** @type {EventSource | null} */
  #stream = null;
  #promoting = "";
  #timer = 0;
  /** @type {any} */
  #draft;
  /** @type {any} */
  #blind;

  start() {
    const form = /** @type {HTMLFormElement} */ (find(this, "[data-start]"));
    this.#draft = keepDraft(form, "training", this.signal);
    putValues(form, this.#draft.values);
    this.#blind = new BlindTest(this);
    this.on("submit", "[data-start]", (_, event) => (event.preventDefault(), this.#begin(form)));
    this.on("click", "[data-runs] [data-pick]", (button) => this.#choose(/** @type {HTMLElement} */ (button.closest("li")).dataset.key ?? ""));
    this.on("click", "[data-stop]", async () => {
      await post(withQuery("/training/stop", { model_name: this.#name }));
      tell(t("It stops within seconds, with its state saved."));
      await this.refresh();
    });
    this.on("click", "[data-resume]", async () => (await post("/training/resume", { model_name: this.#name }), this.refresh()));
    this.on("click", "[data-sample], [data-reference]", (button) => this.#playSample(button));
    this.on("click", "[data-compare]", () => this.#compare());
    this.on("click", "[data-promote]", (button) => this.#askName(/** @type {HTMLElement} */ (button.closest("tr")).dataset.key ?? ""));
    this.on("submit", "[data-promote-form]", (form, event) => (event.preventDefault(), this.#promote(/** @type {HTMLFormElement} */ (form))));
    this.on("click", "[data-close-dialog]", (button) => button.closest("dialog")?.close());
    this.signal.addEventListener("abort", () => this.#close());
  }

  async refresh() {
    const [{ datasets }, { models }, { runs }] = await Promise.all([get("/training/datasets"), get("/models"), get("/training/runs")]);
    const built = datasets.filter((/** @type {any} */ d) => d.has_metadata);
    const datasetField = /** @type {HTMLSelectElement} */ (find(this, "[data-datasets]"));
    showOptions(datasetField, built.map((/** @type {any} */ d) => ({ value: d.name, text: `${d.name} · ${clipsOf(d.files)}` })), datasetField.value || this.#draft.values.dataset_folder);
    find(this, "[data-no-dataset]").hidden = built.length > 0;
    const bases = models.filter((/** @type {any} */ m) => m.installed && m.engine !== "vocos");
    const baseField = /** @type {HTMLSelectElement} */ (find(this, "[data-bases]"));
    showOptions(baseField, bases.map((/** @type {any} */ m) => ({ value: m.id, text: m.id })), baseField.value || this.#draft.values.base || bases[0]?.id);
    this.#runs = runs;
    if (!runs.some((/** @type {any} */ run) => run.model_name === this.#name)) this.#name = runs[0]?.model_name ?? "";
    this.#showRuns();
    await this.#showDetail();
  }

  #showRuns() {
    showList(find(this, "[data-runs]"), this.#runs, (run) => run.model_name, () => fromTemplate(this, "run"), (item, run) => {
      fill(item, { name: run.model_name, facts: [run.dataset, run.base, run.method === "lora" ? t("adapter") : t("every weight"), t("epoch {n} of {total}", { n: run.epoch, total: run.total_epochs }), moment(run.updated_at)].filter(Boolean).join(" · ") });
      showRunState(find(item, "[data-state]"), run.state);
      find(item, "[data-pick]").setAttribute("aria-pressed", String(run.model_name === this.#name));
    });
    this.showEmpty("runs", !this.#runs.length);
    find(this, "[data-runs-part]").hidden = !this.#runs.length;
  }

  /** @param {HTMLFormElement} form */
  async #begin(form) {
    const values = valuesOf(form);
    /** @type {Record<string, unknown>} */
    const body = { model_name: values.model_name, dataset_folder: values.dataset_folder, base: values.base, method: values.method };
    for (const name of NUMBERS) if (values[name]) body[name] = Number(values[name]);
    if (values.sample_text.trim()) body.sample_text = values.sample_text.trim();
    await post("/training/start", body);
    this.#name = values.model_name;
    tell(t("{name} begins.", { name: this.#name }), "good");
    await this.refresh();
  }

  // A run

  /** @param {string} name */
  async #choose(name) {
    this.#name = name;
    history.replaceState(history.state, "", withQuery("/webui/training", { model_name: name }));
    this.#showRuns();
    await this.#showDetail();
  }

  async #showDetail() {
    find(this, "[data-detail]").hidden = !this.#name;
    this.#close();
    if (!this.#name) return;
    const query = { model_name: this.#name };
    const [status, { logs }] = await Promise.all([get(withQuery("/training/status", query)), get(withQuery("/training/logs", { ...query, limit: 100000 }))]);
    this.#rows = logs.split("\n").filter(Boolean).map((/** @type {string} */ line) => JSON.parse(line));
    this.#showStatus(status);
    this.#showCurves();
    await this.#showResults();
    if (status.state === "running") this.#watch();
  }

  /** @param {any} status */
  #showStatus(status) {
    const run = this.#runs.find((r) => r.model_name === this.#name);
    const card = /** @type {HTMLElement} */ (find(this, "#run-title").closest(".card"));
    const state = status.state === "running" && run?.state === "queued" ? "queued" : status.state;
    showRunState(find(card, "[data-state]"), state);
    const left = status.left_s ? t("about {time} left", { time: span(status.left_s) }) : "";
    fill(card, {
      title: this.#name, message: status.message ? sentence(status.message) : "", error: status.error ? sentence(status.error) : "",
      facts: [t("epoch {n} of {total}", { n: number(status.epoch), total: number(status.total_epochs) }), t("step {n} of {total}", { n: number(status.step), total: number(status.total_steps) }), status.loss === null ? "" : t("loss {n}", { n: number(status.loss, 4) }), left].filter(Boolean).join(" · "),
    });
    find(card, "[data-wrong]").hidden = !status.error;
    const bar = find(card, ".bar");
    bar.classList.toggle("waiting", status.state === "running" && !status.progress);
    bar.setAttribute("aria-valuenow", String(Math.round(status.progress)));
    bar.setAttribute("aria-label", t("Progress"));
    find(bar, "i").style.width = status.progress ? `${status.progress}%` : "";
    find(card, "[data-stop]").hidden = status.state !== "running";
    find(card, "[data-resume]").hidden = !["stopped", "failed"].includes(status.state);
  }

  #showCurves() {
    const points = (/** @type {string} */ name) => this.#rows.filter((row) => row[name] !== undefined).map((row) => /** @type {[number, number]} */ ([row.step, row[name]]));
    const [loss, heldOut] = [points("train/loss"), points("held_out/loss")];
    find(this, "[data-curves]").hidden = !loss.length && !heldOut.length;
    const chart = /** @type {any} */ (find(this, "[data-loss]"));
    if (loss.length || heldOut.length) void chart.show([{ label: t("in training"), points: loss, colour: "--accent" }, { label: t("held out"), points: heldOut, colour: "--teal", dash: [6, 3] }], t("Step"));
    const last = loss.at(-1);
    chart.setAttribute("aria-label", last ? t("Loss over steps; now {loss} at step {step}", { loss: number(last[1], 4), step: number(last[0]) }) : t("Loss over steps"));
    find(this, "[data-log]").textContent = this.#rows.slice(-LOG_LINES).map((row) => JSON.stringify(row)).join("\n");
  }

  /** Curves and state as they come; nothing is asked while nothing runs. */
  #watch() {
    const stream = new EventSource(withQuery("/training/logs/stream", { model_name: this.#name }));
    this.#stream = stream;
    let isFirst = true;
    stream.addEventListener("open", () => {
      if (isFirst) this.#rows = [];
      isFirst = false;
    });
    stream.addEventListener("log", (event) => {
      const row = JSON.parse(/** @type {MessageEvent} */ (event).data);
      while (this.#rows.length && this.#rows[this.#rows.length - 1].step > row.step) this.#rows.pop();
      this.#rows.push(row);
      this.#soon();
    });
    stream.addEventListener("status", () => {
      this.#close();
      this.refresh().catch(complain);
    });
  }

  #soon() {
    if (this.#timer) return;
    this.#timer = window.setTimeout(async () => {
      this.#timer = 0;
      if (this.signal.aborted) return;
      this.#showCurves();
      try {
        this.#showStatus(await get(withQuery("/training/status", { model_name: this.#name }), this.signal));
        await this.#showResults();
      } catch (error) {
        if (!this.signal.aborted) complain(error);
      }
    }, QUIET_MS);
  }

  #close() {
    this.#stream?.close();
    this.#stream = null;
  }

  /** @param {import("../lib/events.js").JobEvent} event */
  async onJob(event) {
    const run = this.#runs.find((r) => r.job_id === event.job_id);
    if (run && run.model_name === this.#name && !this.#stream && !["completed", "failed", "cancelled"].includes(event.status)) await this.refresh().catch(complain);
  }

  // What it left

  async #showResults() {
    const query = { model_name: this.#name };
    [this.#samples, this.#checkpoints] = await Promise.all([get(withQuery("/training/samples", query)), get(withQuery("/training/checkpoints", query))]);
    showList(find(this, "[data-samples]"), this.#samples, (s) => s.filename, () => fromTemplate(this, "sample"), (item, s) => this.#showSample(item, s));
    this.showEmpty("samples", !this.#samples.length);
    showList(find(this, "[data-checkpoints]"), this.#checkpoints, (c) => c.path, () => fromTemplate(this, "checkpoint"), (row, c) => this.#showCheckpoint(row, c));
    const best = this.#checkpoints.find((c) => c.best_because);
    fill(this, { why: best ? t("{name}: {why}", { name: best.name, why: sentence(best.best_because) }) : "" });
    find(this, "[data-why]").hidden = !best;
    this.#blind.offer(this.#name, this.#checkpoints);
  }

  /** @param {HTMLElement} item @param {any} sample */
  #showSample(item, sample) {
    fill(item, { epoch: sample.epoch === 0 ? t("Before") : t("Epoch {n}", { n: sample.epoch }) });
    for (const [name, url, label] of [["sample", sample.path, t("Learned, epoch {n}", { n: sample.epoch })], ["reference", sample.reference, t("Real recording beside epoch {n}", { n: sample.epoch })]]) {
      const button = find(item, `[data-${name}]`);
      button.dataset.url = url;
      button.setAttribute("aria-label", label);
    }
  }

  /** @param {HTMLElement} button */
  #playSample(button) {
    const epoch = find(/** @type {HTMLElement} */ (button.closest("li")), "[data-f=epoch]").textContent;
    play({ url: button.dataset.url ?? "", title: `${this.#name} · ${epoch}`, subtitle: button.textContent?.trim() });
  }

  /** @param {HTMLElement} row @param {any} checkpoint */
  #showCheckpoint(row, checkpoint) {
    const figures = checkpoint.figures ?? {};
    fill(row, {
      name: checkpoint.epoch === null ? checkpoint.name : t("Epoch {n}", { n: checkpoint.epoch }), best: checkpoint.stands_for.includes("model_best") ? t("best") : "",
      loss: checkpoint.held_out_loss === null ? "–" : number(checkpoint.held_out_loss, 4), wer: figures.wer === undefined ? "–" : percent(figures.wer),
      sim: figures.sim === undefined ? "–" : number(figures.sim, 3), mos: figures.mos === undefined ? "–" : number(figures.mos, 2),
    });
    find(row, "[data-f=name]").title = `${checkpoint.path}, ${size(checkpoint.size_mb * 1e6)}`;
    find(row, "[data-promote]").setAttribute("aria-label", t("Promote {name}", checkpoint));
  }

  async #compare() {
    const button = /** @type {HTMLButtonElement} */ (find(this, "[data-compare]"));
    const waiting = /** @type {HTMLElement} */ (find(this, "[data-comparing]").parentElement);
    button.disabled = true;
    try {
      const { job_id: jobId } = await post("/training/checkpoints/compare", { model_name: this.#name });
      const job = await ended(jobId, this.signal, (event) => showProgress(waiting, event));
      showProgress(waiting, job);
      tellEnd(job);
      await this.#showResults();
    } finally {
      button.disabled = false;
    }
  }

  /** @param {string} id */
  #askName(id) {
    this.#promoting = id;
    const dialog = /** @type {HTMLDialogElement} */ (find(this, "[data-promote-dialog]"));
    putValues(/** @type {HTMLFormElement} */ (find(dialog, "form")), { name: this.#name });
    dialog.showModal();
  }

  /** @param {HTMLFormElement} form */
  async #promote(form) {
    const { model } = await post("/training/checkpoints/promote", { checkpoint: this.#promoting, name: valuesOf(form).name });
    form.closest("dialog")?.close();
    tell(t("{model} can be chosen in the studio now.", { model }), "good");
    document.dispatchEvent(new Event("models"));
  }
}

/** @param {HTMLElement} tag @param {string} state */
function showRunState(tag, state) {
  /** @type {Record<string, [string, string]>} */
  const words = {
    idle: [t("not begun"), ""], queued: [t("waiting"), "warn"], preparing: [t("preparing"), "teal"], running: [t("running"), "teal"],
    completed: [t("finished"), "good"], failed: [t("failed"), "bad"], stopped: [t("interrupted"), "warn"],
  };
  const [word, kind] = words[state] ?? [state, ""];
  tag.textContent = word;
  tag.className = `tag ${kind}`;
}

customElements.define("training-page", TrainingPage);
