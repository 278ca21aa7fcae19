// What happens on the service, told to every element of the page over one connection.
// The connection rests while the page is hidden, and comes back by itself when the service was restarted.

import { get } from "./api.js";

/** @typedef {{job_id: string, status: string, progress: number, message: string, kind?: string}} JobEvent */

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8000;

/** Fires `job` (detail: JobEvent), `up` when what is shown should be fetched anew, and `down`. */
class Live extends EventTarget {
  /** @type {EventSource | null} */
  #source = null;
  #retryMs = FIRST_RETRY_MS;
  #timer = 0;
  isUp = false;

  /** Whether `up` is soon to come. */
  get isComing() {
    return this.#source !== null && !this.isUp;
  }

  start() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#close() : this.#open()));
    window.addEventListener("online", () => this.#open());
    window.addEventListener("pagehide", () => this.#close());
    window.addEventListener("pageshow", (event) => event.persisted && this.#open());
    if (!document.hidden) this.#open();
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.isUp = false;
  }

  #open() {
    this.#close();
    const source = new EventSource("/jobs/events");
    this.#source = source;
    source.addEventListener("open", () => this.#opened());
    source.addEventListener("error", () => this.#lost());
    for (const name of ["message", "job"]) {
      source.addEventListener(name, (event) => this.#tell(/** @type {MessageEvent} */ (event).data));
    }
  }

  /** @param {string} data */
  #tell(data) {
    this.dispatchEvent(new CustomEvent("job", { detail: /** @type {JobEvent} */ (JSON.parse(data)) }));
  }

  #opened() {
    this.#retryMs = FIRST_RETRY_MS;
    this.isUp = true;
    this.dispatchEvent(new Event("up"));
  }

  #lost() {
    this.#close();
    this.dispatchEvent(new Event("down"));
    this.#timer = window.setTimeout(() => this.#open(), this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }
}

export const live = new Live();

/**
 * The end of a job, however many events it takes.
 * @param {string} jobId @param {AbortSignal} signal @param {(event: JobEvent) => void} [onProgress]
 * @returns {Promise<any>} the job
 */
export function ended(jobId, signal, onProgress = () => {}) {
  return new Promise((resolve, reject) => {
    const look = async () => {
      try {
        const job = await get(`/jobs/${jobId}`);
        if (isFinal(job.status)) finish(job);
        else onProgress({ ...job, job_id: job.id });
      } catch (error) {
        if (live.isUp) reject(error);
      }
    };
    /** @param {Event} event */
    const hear = (event) => {
      const detail = /** @type {CustomEvent<JobEvent>} */ (event).detail;
      if (detail.job_id !== jobId) return;
      onProgress(detail);
      if (isFinal(detail.status)) void look();
    };
    /** @param {any} job */
    const finish = (job) => {
      live.removeEventListener("job", hear);
      live.removeEventListener("up", look);
      resolve(job);
    };
    live.addEventListener("job", hear, { signal });
    live.addEventListener("up", look, { signal });
    void look();
  });
}

/** @param {string} status */
export const isFinal = (status) => !["queued", "processing"].includes(status);
