// Two checkpoints say the same, in an order nobody knows; the vote is kept in this browser.

import { play } from "../elements/audio-dock.js";
import { get, post } from "./api.js";
import { element, fill, find, showOptions } from "./dom.js";
import { ended } from "./events.js";
import { showProgress, tellEnd } from "./jobs.js";
import { valuesOf } from "./page.js";
import { number, t } from "./words.js";

const KEY = "locutor.votes";

export class BlindTest {
  #run = "";
  /** @type {{id: string, url: string, figures: Record<string, number>}[]} */
  #sides = [];

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
    this.#run = run;
    const options = [...checkpoints.map((c) => ({ value: c.path, text: c.name })), { value: `${run}/base`, text: t("what it began with") }];
    const [a, b] = ["a", "b"].map((side) => /** @type {HTMLSelectElement} */ (find(this.page, `[data-ab-${side}]`)));
    showOptions(a, options, a.value || options[0].value);
    showOptions(b, options, b.value || `${run}/base`);
    this.#showVotes();
  }

  /** @param {Record<string, string>} values */
  async #begin({ a, b, text }) {
    const waiting = /** @type {HTMLElement} */ (find(this.page, "#ab-title").closest(".card"));
    for (const name of ["choice", "result"]) find(this.page, `[data-ab-${name}]`).hidden = true;
    const begun = await post("/training/inference/ab-test", { checkpoint: a, base: b, text });
    const job = await ended(begun.job_id, this.page.signal, (event) => showProgress(waiting, event));
    showProgress(waiting, job);
    tellEnd(job);
    if (job.status !== "completed") return;
    const found = await get(`/training/inference/ab-test/${begun.job_id}`);
    const sides = [{ id: a, url: found.finetuned_audio, figures: found.figures.finetuned }, { id: b, url: found.base_audio, figures: found.figures.base }];
    this.#sides = crypto.getRandomValues(new Uint8Array(1))[0] % 2 ? sides : sides.reverse();
    find(this.page, "[data-ab-choice]").hidden = false;
  }

  /** @param {string} choice */
  #vote(choice) {
    const [x, y] = this.#sides;
    const winner = choice === "-" ? null : this.#sides[Number(choice)].id;
    const votes = readVotes();
    votes.push({ run: this.#run, pair: [x.id, y.id].sort(), winner, at: Date.now() });
    localStorage.setItem(KEY, JSON.stringify(votes.slice(-1000)));
    find(this.page, "[data-ab-choice]").hidden = true;
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
