// Voices: make one of recordings, hear it, change it, blend, bring in and take out.

import "../elements/file-drop.js";
import "../elements/mic-recorder.js";
import { play } from "../elements/audio-dock.js";
import { get, patch, post, remove } from "../lib/api.js";
import { showFigures, verdict } from "../lib/doctor.js";
import { fill, find, findAll, fromTemplate, hueOf, showList, showOptions } from "../lib/dom.js";
import { ended, isFinal } from "../lib/events.js";
import { showState, showProgress, showWarnings } from "../lib/jobs.js";
import { keepFiles, keptFiles } from "../lib/keep.js";
import { complain, confirmed, tell } from "../lib/notify.js";
import { keepDraft, Page, Pager, putValues, valuesOf } from "../lib/page.js";
import { language, languageName, moment, sentence, span, t } from "../lib/words.js";

/** @typedef {{file: File, url: string, report: any}} Clip */

const PAGE = 24;
const KEPT = "new-voice";

class VoicesPage extends Page {
  /** @type {any[]} */
  #voices = [];
  /** @type {{value: string, text: string}[]} */
  #languages = [];
  /** @type {Clip[]} */
  #clips = [];
  /** @type {any} */
  #draft;
  /** @type {any} */
  #pager;
  /** @type {string} */
  #editing = "";
  /** @type {Set<string>} */
  #followed = new Set();

  get #form() {
    return /** @type {HTMLFormElement} */ (find(this, "[data-new]"));
  }

  start() {
    this.#draft = keepDraft(this.#form, "voice", this.signal);
    putValues(this.#form, this.#draft.values);
    this.#pager = new Pager(find(this, "[data-pager]"), PAGE, () => this.#showVoices(), this.signal);
    this.on("files", "file-drop", (_, event) => this.#add(/** @type {CustomEvent} */ (event).detail));
    this.on("submit", "[data-new]", (_, event) => (event.preventDefault(), this.#create()));
    this.on("click", "[data-play-clip]", (button) => this.#playClip(this.#clipOf(button)));
    this.on("click", "[data-drop-clip]", (button) => this.#dropClip(this.#clipOf(button)));
    this.on("input", "[data-search]", () => {
      this.#pager.offset = 0;
      this.#showVoices();
    });
    this.on("click", "[data-dismiss]", (button) => button.closest("li")?.remove());
    this.on("click", "[data-close-dialog]", (button) => button.closest("dialog")?.close());
    this.#libraryButtons();
    keptFiles(KEPT).then((files) => this.#add(files), complain);
  }

  async refresh() {
    const [voices, languages] = await Promise.all([get("/voices?limit=1000"), get("/languages")]);
    this.#languages = languages.details.map((/** @type {any} */ l) => ({ value: l.code, text: languageName(l.code) || l.name }));
    const field = /** @type {HTMLSelectElement} */ (find(this.#form, "[data-languages]"));
    showOptions(field, this.#languages, field.value || this.#draft.values.language || language);
    this.#voices = voices.voices;
    this.#showVoices();
    await this.#pickUp();
  }

  /** Voices that were being made before the page was loaded are followed again. */
  async #pickUp() {
    const { jobs } = await get("/jobs?kind=clone_voice&limit=20", this.signal);
    for (const job of jobs) {
      if (!isFinal(job.status) && !this.#followed.has(job.id)) this.#follow(job.id, job.voice_name).catch(complain);
    }
  }

  // A new voice

  /** @param {File[]} files */
  async #add(files) {
    if (!files.length) return;
    const clips = files.map((file) => ({ file, url: URL.createObjectURL(file), report: null }));
    this.#clips.push(...clips);
    this.#showClips();
    this.#keep().catch(complain); // not later: by then the page may be left, and what it had been forgotten
    for (const clip of clips) await this.#examine(clip);
  }

  /** @param {Clip} clip */
  async #examine(clip) {
    const form = new FormData();
    form.set("file", clip.file);
    try {
      clip.report = await post("/voices/examine", form);
    } catch (error) {
      clip.report = { usable: false, problem: error instanceof Error ? error.message : String(error), warnings: [] };
    }
    this.#showClips();
  }

  async #keep() {
    await keepFiles(KEPT, this.#clips.map((clip) => clip.file));
  }

  #showClips() {
    showList(find(this, "[data-clips]"), this.#clips, (clip) => clip.url, () => fromTemplate(this, "clip"), (item, clip) => this.#showClip(item, clip));
    find(this, "[data-transcript]").hidden = this.#clips.length > 1;
    const isReady = this.#clips.length > 0 && this.#clips.every((clip) => clip.report?.usable);
    fill(this, { needs: isReady ? "" : this.#clips.length ? t("Leave out the recordings that cannot be used.") : t("Add a recording first.") });
    /** @type {HTMLButtonElement} */ (find(this, "[data-create]")).disabled = !isReady;
  }

  /** @param {HTMLElement} item @param {Clip} clip */
  #showClip(item, { file, report }) {
    fill(item, { file: file.name, problem: report?.problem ? sentence(report.problem) : "" });
    const tag = find(item, "[data-verdict]");
    const { word, kind } = report ? verdict(report) : { word: t("listening…"), kind: "" };
    tag.textContent = word;
    tag.className = `tag ${kind}`;
    find(item, "[data-problem]").hidden = !report?.problem;
    showWarnings(find(item, "[data-warnings]"), report?.warnings ?? []);
    const figures = find(item, "[data-figures]");
    figures.hidden = !report?.duration_s;
    if (report?.duration_s && !figures.childElementCount) showFigures(this, figures, report);
  }

  /** @param {HTMLElement} button */
  #clipOf(button) {
    const key = /** @type {HTMLElement} */ (button.closest("[data-key]")).dataset.key;
    return /** @type {Clip} */ (this.#clips.find((clip) => clip.url === key));
  }

  /** @param {Clip} clip */
  #playClip(clip) {
    play({ url: clip.url, title: clip.file.name, subtitle: t("Recording") });
  }

  /** @param {Clip} clip */
  async #dropClip(clip) {
    this.#clips = this.#clips.filter((other) => other !== clip);
    this.#showClips();
    await this.#keep();
  }

  async #create() {
    const form = new FormData();
    const { ref_text: spoken, transcribe, ...values } = valuesOf(this.#form);
    for (const [name, value] of Object.entries(values)) if (value.trim()) form.set(name, value.trim());
    if (spoken?.trim() && this.#clips.length === 1) form.set("ref_text", spoken.trim());
    if (transcribe) form.set("transcribe", "true");
    for (const clip of this.#clips) form.append("file", clip.file);
    const button = /** @type {HTMLButtonElement} */ (find(this, "[data-create]"));
    button.disabled = true;
    try {
      const { job_id: jobId } = await post("/voices/clone", form);
      this.#clips = [];
      await this.#keep();
      putValues(this.#form, { name: "", description: "", ref_text: "" });
      this.#draft.save();
      void this.#follow(jobId, values.name).catch(complain);
    } finally {
      this.#showClips();
    }
  }

  /** @param {string} jobId @param {string} name */
  async #follow(jobId, name) {
    this.#followed.add(jobId);
    const item = fromTemplate(this, "pending");
    fill(item, { name });
    find(this, "[data-pending]").prepend(item);
    showState(item, { status: "queued", progress: 0, message: "" });
    const job = await ended(jobId, this.signal, (event) => showProgress(item, event));
    showState(item, job);
    if (job.status === "completed") {
      item.remove();
      tell(t("{name} is ready.", { name }), "good");
      await this.refresh();
    } else find(item, "[data-dismiss]").hidden = false;
  }

  // The library

  #showVoices() {
    const words = /** @type {HTMLInputElement} */ (find(this, "[data-search]")).value.trim().toLowerCase();
    const own = this.#voices.filter((voice) => `${voice.name} ${voice.description}`.toLowerCase().includes(words));
    this.#pager.show(own.length);
    const shown = own.slice(this.#pager.offset, this.#pager.offset + PAGE);
    showList(find(this, "[data-list]"), shown, (voice) => voice.id, () => fromTemplate(this, "voice"), (item, voice) => this.#showVoice(item, voice));
    this.showEmpty("voices", !this.#voices.some((voice) => voice.kind === "library"));
    this.#showClips();
  }

  /** @param {HTMLElement} item @param {any} voice */
  #showVoice(item, voice) {
    const isOwn = voice.kind === "library";
    /** @type {Record<string, string>} */
    const kinds = { preset: t("built in"), own: t("from a folder"), library: voice.blend.length ? t("blend") : t("yours"), speaker: t("of model {model}", voice) };
    const used = voice.usage_count === 1 ? t("used once") : voice.usage_count ? t("used {n} times", { n: voice.usage_count }) : "";
    const facts = [languageName(voice.language), voice.duration ? span(voice.duration) : "", voice.licence, voice.created_at ? moment(voice.created_at) : "", used];
    fill(item, {
      name: voice.name, kind: kinds[voice.kind] ?? voice.kind, description: voice.description, facts: facts.filter(Boolean).join(" · "),
      unsure: isOwn && !voice.consent && !voice.blend.length ? t("no consent recorded") : "",
    });
    item.style.setProperty("--hue", String(hueOf(voice.id)));
    const wave = find(item, "wave-form");
    if (voice.audio_url && !wave.hasAttribute("src")) wave.setAttribute("src", `/voices/${voice.id}/peaks`);
    const labels = { listen: t("Recording of {name}", voice), preview: t("Preview of {name}", voice), speak: t("Speak with {name}", voice), edit: t("Edit {name}", voice), export: t("Export {name}", voice), delete: t("Delete {name}", voice) };
    for (const [name, label] of Object.entries(labels)) find(item, `[data-${name}]`).setAttribute("aria-label", label);
    find(item, "[data-listen]").hidden = !voice.audio_url;
    find(item, "[data-listen]").dataset.url = voice.audio_url ?? "";
    find(item, "[data-preview]").dataset.url = previewOf(voice);
    /** @type {HTMLAnchorElement} */ (find(item, "[data-export]")).href = `/voices/${voice.id}/export`;
    for (const name of ["edit", "delete", "export"]) find(item, `[data-${name}]`).hidden = !isOwn;
    if (voice.blend.length) find(item, "[data-export]").hidden = true; // it has no recordings; its parts have
    find(item, "[data-report]").hidden = !voice.report;
    if (voice.report) showFigures(this, find(item, "[data-figures]"), voice.report);
    showWarnings(find(item, "[data-warnings]"), voice.warnings);
  }

  #libraryButtons() {
    const ofVoice = (/** @type {string} */ selector, /** @type {(voice: any) => unknown} */ act) =>
      this.on("click", `[data-list] ${selector}`, (button) => {
        const key = /** @type {HTMLElement} */ (button.closest("[data-key]")).dataset.key;
        return act(this.#voices.find((voice) => voice.id === key));
      });
    ofVoice("[data-listen]", (voice) => play({ url: voice.audio_url, peaks: `/voices/${voice.id}/peaks`, title: voice.name, subtitle: t("Reference recording") }));
    ofVoice("[data-preview]", (voice) => play({ url: previewOf(voice), title: voice.name, subtitle: t("Preview, made now") }));
    ofVoice("[data-speak]", speakWith);
    ofVoice("[data-edit]", (voice) => this.#edit(voice));
    ofVoice("[data-delete]", (voice) => this.#delete(voice));
    this.on("submit", "[data-edit-form]", (_, event) => (event.preventDefault(), this.#save()));
    this.on("click", "[data-blend]", () => this.#openBlend());
    this.on("input", "[data-parts] input", () => this.#showShares());
    this.on("submit", "[data-blend-form]", (_, event) => (event.preventDefault(), this.#blend()));
    this.on("click", "[data-import]", () => find(this, "[data-import-file]").click());
    this.on("change", "[data-import-file]", (input) => this.#import(/** @type {HTMLInputElement} */ (input)));
  }

  /** @param {any} voice */
  #edit(voice) {
    this.#editing = voice.id;
    const dialog = /** @type {HTMLDialogElement} */ (find(this, "[data-edit-dialog]"));
    showOptions(/** @type {HTMLSelectElement} */ (find(dialog, "[data-languages]")), this.#languages);
    putValues(/** @type {HTMLFormElement} */ (find(dialog, "form")), voice);
    const consent = voice.consent;
    fill(dialog, { consent: consent ? t("Consent: {permission}, confirmed by {name}, {when}.", { permission: permissionWord(consent.permission), name: consent.given_by, when: moment(consent.confirmed_at) }) : "" });
    dialog.showModal();
  }

  async #save() {
    const dialog = /** @type {HTMLDialogElement} */ (find(this, "[data-edit-dialog]"));
    const values = valuesOf(/** @type {HTMLFormElement} */ (find(dialog, "form")));
    await patch(`/voices/${this.#editing}`, values);
    dialog.close();
    await this.refresh();
  }

  /** @param {any} voice */
  async #delete(voice) {
    const text = t("Its recordings are deleted from this machine. What it has spoken stays until its time is over.");
    if (!(await confirmed(t("Delete {name}?", voice), text, t("Delete")))) return;
    await remove(`/voices/${voice.id}`);
    await this.refresh();
  }

  #openBlend() {
    const dialog = /** @type {HTMLDialogElement} */ (find(this, "[data-blend-dialog]"));
    const recorded = this.#voices.filter((voice) => voice.audio_url && !voice.blend.length);
    if (recorded.length < 2) {
      tell(t("A blend needs two recorded voices; add another one first."));
      return;
    }
    find(dialog, "[data-parts]").replaceChildren(...recorded.map((voice) => {
      const part = fromTemplate(this, "part");
      const slider = find(part, "input");
      fill(part, { name: voice.name });
      slider.dataset.voice = voice.id;
      slider.setAttribute("aria-label", t("How much of {name}", voice));
      return part;
    }));
    this.#showShares();
    dialog.showModal();
  }

  #parts() {
    const sliders = /** @type {HTMLInputElement[]} */ (findAll(this, "[data-parts] input"));
    return sliders.map((slider) => ({ voice: slider.dataset.voice ?? "", weight: Number(slider.value) }));
  }

  #showShares() {
    const parts = this.#parts();
    const total = parts.reduce((sum, part) => sum + part.weight, 0);
    findAll(this, "[data-parts] > li").forEach((item, i) => fill(item, { share: parts[i].weight ? `${Math.round((100 * parts[i].weight) / total)} %` : "–" }));
    const n = parts.filter((part) => part.weight > 0).length;
    /** @type {HTMLButtonElement} */ (find(this, "[data-mix]")).disabled = n < 2 || n > 5;
  }

  async #blend() {
    const form = /** @type {HTMLFormElement} */ (find(this, "[data-blend-form]"));
    const name = valuesOf(form).name.trim();
    await post("/voices/blend", { name, parts: this.#parts().filter((part) => part.weight > 0) });
    form.reset();
    /** @type {HTMLDialogElement} */ (find(this, "[data-blend-dialog]")).close();
    tell(t("{name} is ready.", { name }), "good");
    await this.refresh();
  }

  /** @param {HTMLInputElement} input */
  async #import(input) {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    const form = new FormData();
    form.set("file", file);
    const voice = await post("/voices/import", form);
    tell(t("{name} is ready.", voice), "good");
    await this.refresh();
  }
}

/** @param {any} voice */
const previewOf = (voice) => `/voices/${voice.id}/preview?format=wav`;

/** To the studio, with this voice chosen, and the model that it needs. @param {any} voice */
function speakWith(voice) {
  const key = "locutor.draft.studio";
  const draft = JSON.parse(localStorage.getItem(key) ?? "{}");
  localStorage.setItem(key, JSON.stringify({ ...draft, voice_id: voice.id, model: voice.model ?? draft.model }));
  find(document, '[data-nav="studio"]').click();
}

/** @param {string} permission */
function permissionWord(permission) {
  /** @type {Record<string, string>} */
  const words = { own: t("own voice"), granted: t("the speaker agreed"), licensed: t("a licence allows it"), synthetic: t("made by a machine") };
  return words[permission] ?? permission;
}

customElements.define("voices-page", VoicesPage);
