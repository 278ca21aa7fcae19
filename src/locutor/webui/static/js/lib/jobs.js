// What jobs look like, and what can be done to them, on every page that shows some.

import { get, post, remove } from "./api.js";
import { element, fill, find, findAll, fromTemplate } from "./dom.js";
import { isFinal } from "./events.js";
import { confirmed, tell } from "./notify.js";
import { clock, moment, sentence, t } from "./words.js";

/** @typedef {Record<string, any> & {id: string, status: string, progress: number, message: string}} Job */

/** @param {string} status */
export function statusWord(status) {
  /** @type {Record<string, string>} */
  const words = {
    queued: t("waiting"), processing: t("working"), completed: t("done"), failed: t("failed"), cancelled: t("stopped"),
  };
  return words[status] ?? status;
}

/** @param {string} kind */
export function kindWord(kind) {
  /** @type {Record<string, string>} */
  const words = {
    synthesize: t("Speech"), synthesize_batch: t("Batch"), clone_voice: t("New voice"), train: t("Training"),
    pull_model: t("Model download"), checkpoint_comparison: t("Comparison"), ab_test: t("Blind test"), checkpoint_speech: t("Speech of a checkpoint"),
    dataset_upload: t("Dataset"), dataset_download: t("Dataset: download"), dataset_segment: t("Dataset: cutting"),
    dataset_transcribe: t("Dataset: writing down"), dataset_build: t("Dataset: building"), dataset_make: t("Dataset: all steps"),
  };
  return words[kind] ?? kind.replaceAll("_", " ");
}

/** State, progress, error and buttons of a job's element. @param {HTMLElement} root @param {Record<string, any> & {status: string, progress: number, message: string}} job */
export function showState(root, job) {
  const isRunning = !isFinal(job.status);
  root.dataset.status = job.status;
  const state = find(root, "[data-state]");
  state.textContent = job.cancel_requested && isRunning ? t("stopping") : statusWord(job.status);
  state.dataset.status = job.status;
  showProgress(root, job);
  fill(root, { error: job.error_message ? sentence(job.error_message) : job.status === "cancelled" ? t("Stopped before it was done.") : "" });
  const wrong = find(root, "[data-wrong]");
  wrong.hidden = !["failed", "cancelled"].includes(job.status);
  wrong.classList.toggle("bad", job.status === "failed");
  for (const [selector, shown] of Object.entries({
    "[data-cancel]": isRunning, "[data-retry]": ["failed", "cancelled"].includes(job.status),
    "[data-delete]": !isRunning, "[data-download]": Boolean(job.audio_url),
  })) for (const button of findAll(root, selector)) button.hidden = !shown;
}

/** @param {HTMLElement} root @param {{status: string, progress: number, message: string}} job */
export function showProgress(root, job) {
  const bar = find(root, ".bar");
  const isRunning = !isFinal(job.status);
  /** @type {HTMLElement} */ (bar.parentElement).hidden = !isRunning;
  bar.classList.toggle("waiting", isRunning && job.progress <= 0);
  bar.setAttribute("aria-valuenow", String(Math.round(job.progress)));
  bar.setAttribute("aria-label", t("Progress"));
  find(bar, "i").style.width = job.progress > 0 ? `${job.progress}%` : "";
  fill(root, { message: job.status === "queued" ? t("Waiting for its turn") : job.message ? sentence(job.message) : t("Starting") });
}

/** @param {Job} job */
export const lengthOf = (job) => (job.duration ? clock(job.duration) : "");

/** @param {Job} job */
export const whenOf = (job) => moment(job.completed_at ?? job.created_at);

/** Ask, then delete. @param {Job} job @returns {Promise<boolean>} */
export async function deleteJob(job) {
  const text = t("Its audio and its recipe are deleted from this machine.");
  if (!(await confirmed(t("Delete this job?"), text, t("Delete")))) return false;
  await remove(`/jobs/${job.id}`);
  return true;
}

/** @param {string} id */
export const cancelJob = (id) => post(`/jobs/${id}/cancel`);
/** @param {string} id */
export const retryJob = (id) => post(`/jobs/${id}/retry`);

/**
 * The formats in which a job's audio can be had.
 * @param {Job} job
 */
export async function showDownloads(job) {
  const dialog = /** @type {HTMLDialogElement} */ (find(document, "#download"));
  const { formats, download_url_template: template } = await get(`/jobs/${job.id}/formats`);
  const list = find(dialog, "[data-formats]");
  list.replaceChildren(...formats.map((/** @type {any} */ format) => {
    const item = fromTemplate(dialog, "format");
    const link = /** @type {HTMLAnchorElement} */ (find(item, "a"));
    fill(item, { name: format.name, description: format.available ? sentence(format.description) : t("needs the extra codecs on the server") });
    if (format.available) link.href = template.replace("{format}", format.format);
    else link.setAttribute("aria-disabled", "true");
    return item;
  }));
  dialog.showModal();
}

/** @param {HTMLElement} list @param {string[]} warnings */
export function showWarnings(list, warnings) {
  list.hidden = !warnings.length;
  list.replaceChildren(...warnings.map((warning) => element("li", sentence(warning))));
}

/** A job's error, where one is expected to be read at once. @param {Job} job */
export function tellEnd(job) {
  if (job.status === "failed") tell(sentence(job.error_message ?? t("It failed.")), "bad");
  else if (job.status === "cancelled") tell(t("Stopped."));
}
