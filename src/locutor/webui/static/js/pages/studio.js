// Write, choose a voice, generate; takes fill in as they are made.

import { play } from "../elements/audio-dock.js";
import { get, post, withQuery } from "../lib/api.js";
import { fill, find, findAll, fromTemplate, hueOf, showList, showOptions } from "../lib/dom.js";
import { isFinal } from "../lib/events.js";
import { cancelJob, deleteJob, lengthOf, retryJob, showDownloads, showProgress, showState, showWarnings, whenOf } from "../lib/jobs.js";
import { complain, tell } from "../lib/notify.js";
import { keepDraft, Page, Pager, putValues, showOptionsOf, valuesOf } from "../lib/page.js";
import { language, languageName, number, sentence, span, t } from "../lib/words.js";

/** @typedef {import("../lib/jobs.js").Job} Job */

const PAGE = 12;
const SEARCH_FROM = 5;
const TYPICAL_CHARS_PER_S = 14;
const EXAMPLES = {
  en: "The kettle had just begun to sing when someone knocked, three times, very softly.",
  "pt-BR": "A chaleira mal começara a cantar quando alguém bateu à porta, três vezes, bem de leve.",
};

class StudioPage extends Page {
  /** @type {Map<string, Job>} */
  #jobs = new Map();
  /** @type {Map<string, any>} */
  #voices = new Map();
  /** @type {any[]} */
  #models = [];
  /** @type {any[]} */
  #profiles = [];
  /** Names of options by engine. @type {Record<string, string[]>} */
  #parameters = {};
  /** @type {any} */
  #draft;
  /** @type {any} */
  #pager;

  get #form() {
    return /** @type {HTMLFormElement} */ (find(this, "[data-compose]"));
  }

  get #model() {
    return this.#models.find((m) => m.id === valuesOf(this.#form).model) ?? this.#models[0];
  }

  start() {
    this.#draft = keepDraft(this.#form, "studio", this.signal);
    putValues(this.#form, this.#draft.values);
    this.#pager = new Pager(find(this, "[data-pager]"), PAGE, () => this.#loadTakes().catch(complain), this.signal);
    this.#measure();
    this.on("input", "#text", () => this.#measure());
    this.on("submit", "[data-compose]", (_, event) => (event.preventDefault(), this.#generate()));
    this.on("keydown", "[data-compose]", (_, event) => {
      const { key, ctrlKey, metaKey } = /** @type {KeyboardEvent} */ (event);
      if (key === "Enter" && (ctrlKey || metaKey)) this.#form.requestSubmit();
    });
    this.on("click", "[data-insert]", (button) => this.#insert(button.dataset.insert ?? ""));
    this.on("click", "[data-clear]", () => this.#write(""));
    this.on("click", "[data-reset]", () => this.#reset());
    this.on("click", "[data-example]", () => this.#write(EXAMPLES[/** @type {"en"} */ (language)] ?? EXAMPLES.en));
    this.on("keydown", "[data-voice-search]", (_, event) => {
      const { key, ctrlKey, metaKey } = /** @type {KeyboardEvent} */ (event);
      if (key === "Enter" && !ctrlKey && !metaKey) event.preventDefault(); // or the form it stands in would be sent
    });
    this.on("input", "[data-voice-search]", (field) => this.#searchVoices(/** @type {HTMLInputElement} */ (field).value));
    this.on("change", "[name=model]", () => (this.#showProfiles(), this.#showVoices()));
    this.on("change", "[name=quality_profile_id]", () => this.#noteProfile());
    this.on("change", "[name=voice_id]", (field) => this.#voiceChosen(/** @type {HTMLInputElement} */ (field).value));
    this.on("click", "[data-listen]", (button) => this.#listen(button.dataset.voice ?? ""));
    this.#takeButtons();
  }

  async refresh() {
    const [voices, languages, models, { profiles, parameters }] = await Promise.all([
      get("/voices?limit=1000"), get("/languages"), get("/v1/models"), get("/quality-profiles"), this.#loadTakes(),
    ]);
    this.#profiles = profiles;
    this.#parameters = parameters;
    this.#models = models.data.filter((/** @type {any} */ m) => m.installed && !m.alias_of);
    this.#showChoices(languages);
    this.#voices = new Map(voices.voices.map((/** @type {any} */ voice) => [voice.id, voice]));
    this.#showVoices();
    this.#showProfiles();
  }

  /** @param {any} languages */
  #showChoices(languages) {
    const details = languages.details.map((/** @type {any} */ l) => ({ value: l.code, text: languageName(l.code) || l.name }));
    const languageField = /** @type {HTMLSelectElement} */ (find(this, "[data-languages]"));
    showOptions(languageField, details, languageField.value || this.#draft.values.target_language || language);
    const models = this.#models.map((m) => ({ value: m.id, text: m.id }));
    const modelField = /** @type {HTMLSelectElement} */ (find(this, "[data-models]"));
    showOptions(modelField, models, modelField.value || this.#draft.values.model || models[0]?.value);
    find(this, "[data-model-field]").hidden = models.length < 2;
  }

  /** Those of the chosen model's engine. */
  #showProfiles() {
    showOptionsOf(this.#form, this.#parameters[this.#model?.engine]);
    const profiles = this.#profiles.filter((p) => p.engine === this.#model?.engine);
    const select = /** @type {HTMLSelectElement} */ (find(this, "[data-profiles]"));
    const wanted = select.value || this.#draft.values.quality_profile_id;
    const chosen = profiles.find((/** @type {any} */ p) => p.id === wanted) ?? profiles.find((/** @type {any} */ p) => p.is_default);
    showOptions(select, profiles.map((/** @type {any} */ p) => ({ value: p.id, text: p.is_builtin ? t(p.name) : p.name })), chosen?.id);
    this.#noteProfile();
  }

  #noteProfile() {
    const { quality_profile_id: id } = valuesOf(this.#form);
    const chosen = this.#profiles.find((p) => p.id === id && p.engine === this.#model?.engine);
    fill(this, { "profile-note": chosen?.is_builtin ? sentence(chosen.description) : chosen?.description });
  }

  /** Those that the chosen model can speak with. */
  #showVoices() {
    const model = this.#model;
    const voices = [...this.#voices.values()].filter((v) => !v.model || v.model === model?.id || model?.requires.includes(v.model));
    const strip = find(this, "[data-voices]");
    const chosen = valuesOf(this.#form).voice_id ?? this.#draft.values.voice_id;
    strip.querySelector(".voice-skeleton")?.remove();
    showList(strip, voices, (voice) => voice.id, () => fromTemplate(this, "voice"), (chip, voice) => this.#showVoice(chip, voice));
    const field = /** @type {HTMLInputElement | null} */ (strip.querySelector(`input[value="${CSS.escape(chosen ?? "")}"]`) ?? strip.querySelector("input"));
    if (field) field.checked = true;
    const search = /** @type {HTMLInputElement} */ (find(this, "[data-voice-search]"));
    search.hidden = voices.length < SEARCH_FROM;
    this.#searchVoices(search.hidden ? "" : search.value);
    this.#showTakes();
  }

  /** @param {HTMLElement} chip @param {any} voice */
  #showVoice(chip, voice) {
    fill(chip, { name: voice.name, note: [languageName(voice.language), voice.blend.length ? t("blend") : "", voice.model].filter(Boolean).join(" · ") });
    chip.style.setProperty("--hue", String(hueOf(voice.id)));
    /** @type {HTMLInputElement} */ (find(chip, "input")).value = voice.id;
    const wave = find(chip, "wave-form");
    if (voice.audio_url && wave.getAttribute("src") !== `/voices/${voice.id}/peaks`) wave.setAttribute("src", `/voices/${voice.id}/peaks`);
    const listen = find(chip, "[data-listen]");
    listen.hidden = !voice.audio_url;
    listen.dataset.voice = voice.id;
    listen.dataset.url = voice.audio_url ?? "";
    listen.setAttribute("aria-label", t("Hear the recording of {name}", { name: voice.name }));
  }

  /** @param {string} words */
  #searchVoices(words) {
    for (const chip of findAll(this, ".voice-chip")) {
      const name = this.#voices.get(chip.dataset.key ?? "")?.name ?? "";
      chip.hidden = !name.toLowerCase().includes(words.trim().toLowerCase());
    }
  }

  /** A voice's own language is most likely that of the text. @param {string} id */
  #voiceChosen(id) {
    const tag = this.#voices.get(id)?.language;
    const select = /** @type {HTMLSelectElement} */ (find(this, "[data-languages]"));
    if (tag && !find(this, "#text").matches(":not(:placeholder-shown)") && Array.from(select.options).some((o) => o.value === tag)) select.value = tag;
  }

  /** @param {string} id */
  #listen(id) {
    const voice = this.#voices.get(id);
    play({ url: voice.audio_url, peaks: `/voices/${id}/peaks`, title: voice.name, subtitle: t("Reference recording") });
  }

  // The text

  #measure() {
    const text = valuesOf(this.#form).text ?? "";
    const n = [...text].length;
    find(this, "[data-count]").textContent = n === 1 ? t("1 character") : t("{n} characters", { n: number(n) });
    find(this, "[data-estimate]").textContent = n ? this.#estimate(n) : "";
  }

  /** How long a text will sound and take, as the takes so far have. @param {number} n characters */
  #estimate(n) {
    const done = [...this.#jobs.values()].filter((job) => job.status === "completed" && job.duration && job.text && job.started_at);
    if (!done.length) return t("about {length} of speech", { length: span(n / TYPICAL_CHARS_PER_S) });
    const sounds = median(done.map((job) => job.duration / job.text.length));
    const takes = median(done.map((job) => (Date.parse(job.completed_at) - Date.parse(job.started_at)) / 1000 / job.text.length));
    return t("about {length} of speech, {time} to make", { length: span(n * sounds), time: span(Math.max(0.1, n * takes)) });
  }

  /** @param {string} text */
  #write(text) {
    const field = /** @type {HTMLTextAreaElement} */ (find(this, "#text"));
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }

  /** @param {string} text */
  #insert(text) {
    const field = /** @type {HTMLTextAreaElement} */ (find(this, "#text"));
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }

  #reset() {
    putValues(this.#form, this.#noOptions());
    putValues(this.#form, { remove_silence: false, normalize: true });
    this.#draft.save();
  }

  /** Every option left to the profile. */
  #noOptions() {
    return Object.fromEntries(findAll(this.#form, "[data-option]").map((field) => [field.dataset.option ?? "", ""]));
  }

  // Takes

  async #generate() {
    const values = valuesOf(this.#form);
    if (!values.text?.trim()) {
      tell(t("Write something first."));
      find(this, "#text").focus();
      return;
    }
    const boxes = { remove_silence: values.remove_silence ? "true" : "", normalize: values.normalize ? "true" : "false" };
    await this.#submit({ ...values, ...boxes, mode: "dubbing_with_clone" });
  }

  /** @param {Record<string, unknown>} values */
  async #submit(values) {
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value !== "" && value !== null && value !== undefined) form.set(name, String(value));
    const job = await post("/jobs", form);
    if (this.#pager.offset) {
      this.#pager.offset = 0;
      await this.#loadTakes();
    } else this.#prepend(job);
  }

  /** It is seen before it is told of, or the other way round. @param {Job} job */
  #prepend(job) {
    if (!this.#jobs.has(job.id)) this.#pager.show(this.#pager.total + 1);
    this.#jobs = new Map([[job.id, job], ...this.#jobs]);
    this.#showTakes();
  }

  /** @returns {Promise<void>} */
  async #loadTakes() {
    const page = await get(withQuery("/jobs", { kind: "synthesize", limit: PAGE, offset: this.#pager.offset }), this.signal);
    this.#jobs = new Map(page.jobs.map((/** @type {Job} */ job) => [job.id, job]));
    if (!this.#pager.show(page.total)) return this.#loadTakes();
    this.#showTakes();
    this.#measure();
  }

  #showTakes() {
    const jobs = [...this.#jobs.values()].slice(0, PAGE);
    showList(find(this, "[data-takes]"), jobs, (job) => job.id, () => fromTemplate(this, "take"), (item, job) => this.#showTake(item, job));
    this.showEmpty("takes", jobs.length === 0);
  }

  /** @param {HTMLElement} item @param {Job} job */
  #showTake(item, job) {
    showState(item, job);
    const voice = this.#voices.get(job.voice_id)?.name ?? job.voice_id;
    const facts = [voice, languageName(job.target_language), seedOf(job) === undefined ? "" : t("seed {n}", { n: seedOf(job) })];
    fill(item, { text: job.text, facts: facts.filter(Boolean).join(" · "), when: whenOf(job), length: lengthOf(job) });
    item.setAttribute("aria-label", t("Take: {text}", { text: (job.text ?? "").slice(0, 80) }));
    const sound = find(item, ".take-sound");
    sound.hidden = !job.audio_url;
    if (job.audio_url) {
      const wave = find(sound, "wave-form");
      if (!wave.hasAttribute("src")) wave.setAttribute("src", `/jobs/${job.id}/peaks`);
      const button = find(sound, "[data-play-take]");
      button.dataset.url = job.audio_url;
      button.setAttribute("aria-label", t("Play: {text}", { text: (job.text ?? "").slice(0, 60) }));
    }
    for (const name of ["again", "vary"]) find(item, `[data-${name}]`).hidden = !job.audio_url;
    showWarnings(find(item, "[data-warnings]"), job.warnings);
  }

  #takeButtons() {
    const ofTake = (/** @type {string} */ selector, /** @type {(job: Job) => unknown} */ act) =>
      this.on("click", selector, (button) => {
        const job = this.#jobs.get(/** @type {HTMLElement} */ (button.closest("[data-key]")).dataset.key ?? "");
        return job && act(job);
      });
    ofTake("[data-play-take]", (job) => play({ url: job.audio_url, peaks: `/jobs/${job.id}/peaks`, title: job.text, subtitle: this.#voices.get(job.voice_id)?.name }));
    ofTake("[data-download]", showDownloads);
    ofTake("[data-again]", (job) => this.#submit(recipeOf(job, seedOf(job))));
    ofTake("[data-vary]", (job) => this.#submit(recipeOf(job)));
    ofTake("[data-edit]", (job) => this.#edit(job));
    ofTake("[data-cancel]", async (job) => this.#replace(await cancelJob(job.id)));
    ofTake("[data-retry]", async (job) => this.#replace(await retryJob(job.id)));
    ofTake("[data-delete]", async (job) => {
      if (await deleteJob(job)) await this.#loadTakes();
    });
  }

  /** @param {Job} job */
  #replace(job) {
    this.#jobs.set(job.id, job);
    this.#showTakes();
  }

  /** Text and settings of a take, back in the form. @param {Job} job */
  #edit(job) {
    const recipe = recipeOf(job, seedOf(job));
    putValues(this.#form, { model: recipe.model });
    this.#showProfiles();
    this.#showVoices();
    putValues(this.#form, { ...this.#noOptions(), remove_silence: false, ...recipe });
    /** @type {HTMLDetailsElement} */ (find(this, "[data-advanced]")).open = true;
    this.#write(job.text);
    find(this, "#text").scrollIntoView({ block: "center" });
  }

  /** @param {import("../lib/events.js").JobEvent} event */
  async onJob(event) {
    const job = this.#jobs.get(event.job_id);
    if (!job) {
      if (event.status === "queued" && this.#pager.offset === 0) await this.#loadTakes().catch(complain);
      return;
    }
    const item = findAll(this, "[data-takes] > [data-key]").find((entry) => entry.dataset.key === job.id);
    Object.assign(job, { status: event.status, progress: event.progress, message: event.message });
    if (isFinal(event.status)) this.#replace(await get(`/jobs/${job.id}`));
    else if (item) showProgress(item, job);
    if (item && !isFinal(event.status)) showState(item, job);
    this.#measure();
  }
}

/** @param {Job} job @returns {number | undefined} */
const seedOf = (job) => job.recipe?.options?.seed;

/** What it takes to make a take again; without a seed, another one of its kind. @param {Job} job @param {number} [seed] */
function recipeOf(job, seed) {
  /** @type {Record<string, unknown>} */
  const values = { text: job.text, voice_id: job.voice_id, target_language: job.target_language, model: job.model };
  values.quality_profile_id = job.quality_profile;
  values.mode = "dubbing_with_clone";
  for (const [name, value] of Object.entries(job.options ?? {})) if (value !== null) values[name] = value;
  if (typeof job.normalize === "boolean") values.normalize = job.normalize;
  values.seed = seed;
  return values;
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

customElements.define("studio-page", StudioPage);
