// Two checkpoints say the same, in an order nobody knows; the vote is kept in this browser.

import { play } from "../elements/audio-dock.js";
import { get, post } from "./api.js";
import { element, fill, find, showOptions } from "./dom.js";
import { ended } from "./events.js";
import { showProgress, tellEnd } from "./jobs.js";
import { tell } from "./notify.js";
import { valuesOf } from "./page.js";
import { number, t } from "./words.js";

const KEY = "locutor.votes";

/** @typedef {{id: string, url: string, figures: Record<string, number>}} Side */

export class BlindTest {
  #run = "";
  /** What spoke and was not voted on yet, by run. @type {Map<string, Side[]>} */
  #waiting = new Map();

  get #sides() {
    return this.#waiting.get(this.#run) ?? [];
  }

  /** @param {import("./page.js").Page} page */
  constructor(page) {
    this.page = page;
    page.on("submit", "[data-ab]", (form, event) => (event.preventDefault(), this.#begin(valuesOf(/** @type {HTMLFormElement} */ (form)))));
    page.on("click", "[data-ab-play]", (button) => {
      const at = Number(button.dataset.abPlay);
      play({ url: this.#sides[at].url, title: at ? "Y" : "X", subtitle: t("Blind test") });
    });
    page.on("click", "[data-vote]", (button) => this.#vote(button.dataset.vote ?? "-"));
  }

  /** @param {string} run @param {any[]} checkpoints */
  offer(run, checkpoints) {
    const isOther = run !== this.#run;
    this.#run = run;
    const options = [...checkpoints.map((c) => ({ value: c.path, text: c.name })), { value: `${run}/base`, text: t("what it began with") }];
    const [a, b] = ["a", "b"].map((side) => /** @type {HTMLSelectElement} */ (find(this.page, `[data-ab-${side}]`)));
    const mayHaveChosen = !isOther && a.options.length > 1; // a run that has no checkpoint yet offers but one
    const kept = (/** @type {string} */ value) => mayHaveChosen && options.some((option) => option.value === value);
    showOptions(a, options, kept(a.value) ? a.value : options[0].value);
    showOptions(b, options, kept(b.value) ? b.value : `${run}/base`);
    if (isOther) this.#showRun();
    this.#showVotes();
  }

  /** What belongs to another run is not shown beside this one. */
  #showRun() {
    find(this.page, "[data-ab-choice]").hidden = !this.#sides.length;
    for (const name of ["wait", "result"]) find(this.page, `[data-ab-${name}]`).hidden = true;
  }

  /** @param {Record<string, string>} values */
  async #begin({ a, b, text }) {
    if (a === b) {
      tell(t("Choose two different ones."));
      return;
    }
    const run = this.#run;
    const card = /** @type {HTMLElement} */ (find(this.page, "#ab-title").closest(".card"));
    const show = (/** @type {any} */ event) => run === this.#run && showProgress(card, event);
    this.#waiting.delete(run);
    this.#showRun();
    const begun = await post("/training/inference/ab-test", { checkpoint: a, base: b, text });
    const job = await ended(begun.job_id, this.page.signal, show);
    show(job);
    tellEnd(job);
    if (job.status !== "completed") return;
    const found = await get(`/training/inference/ab-test/${begun.job_id}`);
    const sides = [{ id: a, url: found.finetuned_audio, figures: found.figures.finetuned }, { id: b, url: found.base_audio, figures: found.figures.base }];
    this.#waiting.set(run, crypto.getRandomValues(new Uint8Array(1))[0] % 2 ? sides : sides.reverse());
    if (run === this.#run) this.#showRun();
  }

  /** @param {string} choice */
  #vote(choice) {
    const [x, y] = this.#sides;
    const winner = choice === "-" ? null : this.#sides[Number(choice)].id;
    const votes = readVotes();
    votes.push({ run: this.#run, pair: [x.id, y.id].sort(), winner, at: Date.now() });
    localStorage.setItem(KEY, JSON.stringify(votes.slice(-1000)));
    this.#waiting.delete(this.#run);
    this.#showRun();
    fill(this.page, { result: t("X was {x}; Y was {y}.", { x: described(x), y: described(y) }) });
    find(this.page, "[data-ab-result]").hidden = false;
    this.#showVotes();
  }

  #showVotes() {
    /** @type {Map<string, number>} */
    const wins = new Map();
    for (const vote of readVotes()) if (vote.run === this.#run && vote.winner) wins.set(vote.winner, (wins.get(vote.winner) ?? 0) + 1);
    const rows = [...wins].sort((a, b) => b[1] - a[1]).flatMap(([id, n]) => [element("dt", id), element("dd", n === 1 ? t("1 vote") : t("{n} votes", { n }))]);
    find(this.page, "[data-votes]").replaceChildren(...rows);
  }
}

/** @param {{id: string, figures: Record<string, number>}} side */
function described({ id, figures }) {
  const shown = Object.entries(figures).map(([name, value]) => `${name.toUpperCase()} ${number(value, 3)}`);
  return shown.length ? `${id} (${shown.join(", ")})` : id;
}

/** @returns {{run: string, pair: string[], winner: string | null, at: number}[]} */
function readVotes() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}
