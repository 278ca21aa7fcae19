// Corrected transcripts that the service did not take yet: they survive a reload, and are sent again.

const KEY = "locutor.draft.transcripts";

export class Unsaved {
  /** By dataset, then by clip. @type {Record<string, Record<string, string>>} */
  #texts = read();

  /** @param {string} dataset @param {string} clip @returns {string | undefined} */
  get(dataset, clip) {
    return this.#texts[dataset]?.[clip];
  }

  /** @param {string} dataset @param {string} clip @param {string} text */
  keep(dataset, clip, text) {
    this.#texts[dataset] = { ...this.#texts[dataset], [clip]: text };
    this.#write();
  }

  /** @param {string} dataset @param {string} clip @param {string} text only this one: another may have been written since */
  forget(dataset, clip, text) {
    if (this.get(dataset, clip) !== text) return;
    delete this.#texts[dataset][clip];
    this.#write();
  }

  /** @param {string} dataset */
  forgetAll(dataset) {
    delete this.#texts[dataset];
    this.#write();
  }

  /** @returns {{dataset: string, clip: string, text: string}[]} */
  all() {
    return Object.entries(this.#texts).flatMap(([dataset, texts]) => Object.entries(texts).map(([clip, text]) => ({ dataset, clip, text })));
  }

  #write() {
    localStorage.setItem(KEY, JSON.stringify(this.#texts));
  }
}

/** @returns {Record<string, Record<string, string>>} */
function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}
