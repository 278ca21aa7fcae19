// <audio-dock>: the one player. It stays while pages change; anything that sounds is played here.

import { find, findAll } from "../lib/dom.js";
import { complain, tell } from "../lib/notify.js";
import { clock, t } from "../lib/words.js";
import { peaksOf } from "./wave-form.js";

const N_PEAKS = 600;
const STEPS = 1000;
const UNTOLD = ["NotAllowedError", "AbortError", "NotSupportedError"];

/** @typedef {{url: string, peaks?: string, title: string, subtitle?: string}} Track */

/** Play something. @param {Track} track */
export const play = (track) => document.dispatchEvent(new CustomEvent("dock:play", { detail: track }));

class AudioDock extends HTMLElement {
  /** @type {any} */
  #wave = null;
  /** @type {Track | null} */
  #track = null;

  connectedCallback() {
    document.addEventListener("dock:play", (event) => void this.#play(/** @type {CustomEvent} */ (event).detail));
    document.addEventListener("dock:toggle", () => this.#toggle());
    document.addEventListener("dock:skip", (event) => this.#skip(/** @type {CustomEvent} */ (event).detail));
    find(this, "[data-play]").addEventListener("click", () => this.#toggle());
    find(this, "[data-close]").addEventListener("click", () => this.#close());
    find(this, "[data-seek]").addEventListener("input", (event) => this.#seek(Number(/** @type {HTMLInputElement} */ (event.target).value)));
    find(this, "[data-rate]").addEventListener("change", (event) => (this.#audio.playbackRate = Number(/** @type {HTMLSelectElement} */ (event.target).value)));
    for (const type of ["play", "pause", "ended", "timeupdate", "loadedmetadata"]) this.#audio.addEventListener(type, () => this.#show());
    this.#audio.addEventListener("error", () => this.#track && tell(t("This recording cannot be played; it may have been deleted."), "bad"));
  }

  get #audio() {
    return /** @type {HTMLAudioElement} */ (find(this, "[data-audio]"));
  }

  /** @param {Track} track */
  async #play(track) {
    if (this.#track?.url === track.url) {
      this.#toggle();
      return;
    }
    this.#track = track;
    this.hidden = false;
    document.documentElement.style.setProperty("--dock", `${this.offsetHeight}px`);
    find(this, "[data-title]").textContent = track.title;
    find(this, "[data-subtitle]").textContent = track.subtitle ?? "";
    this.#audio.src = track.url;
    this.#audio.playbackRate = Number(/** @type {HTMLSelectElement} */ (find(this, "[data-rate]")).value);
    this.#start();
    await this.#draw(track);
  }

  /** The waveform, from peaks that the service computed, so that long recordings open at once. @param {Track} track */
  async #draw(track) {
    this.#wave?.destroy();
    this.#wave = null;
    if (!track.peaks) return;
    try {
      const [{ default: WaveSurfer }, peaks] = await Promise.all([import("../../vendor/wavesurfer.esm.js"), peaksOf(track.peaks, N_PEAKS)]);
      if (this.#track !== track) return;
      this.#wave = WaveSurfer.create({
        container: find(this, "[data-wave]"),
        media: this.#audio,
        peaks: [peaks.high.map((top, i) => Math.max(top, -peaks.low[i]))],
        duration: peaks.duration,
        height: 48,
        barWidth: 3,
        barGap: 2,
        barRadius: 2,
        normalize: true,
        interact: false,
        cursorWidth: 2,
        ...colours(),
        cspNonce: /** @type {HTMLLinkElement} */ (find(document, "#base-css")).nonce,
      });
    } catch (error) {
      complain(error);
    }
  }

  #toggle() {
    if (!this.#track) return;
    if (this.#audio.paused) this.#start();
    else this.#audio.pause();
  }

  /** What cannot be played is told by the `error` event, in the page's language. */
  #start() {
    this.#audio.play().catch((error) => UNTOLD.includes(error.name) || complain(error));
  }

  /** @param {number} seconds */
  #skip(seconds) {
    if (this.#track) this.#audio.currentTime = Math.max(0, this.#audio.currentTime + seconds);
  }

  /** @param {number} step */
  #seek(step) {
    if (Number.isFinite(this.#audio.duration)) this.#audio.currentTime = (step / STEPS) * this.#audio.duration;
  }

  #close() {
    this.#audio.pause();
    this.#track = null;
    this.#wave?.destroy();
    this.#wave = null;
    this.#audio.removeAttribute("src");
    this.hidden = true;
    document.documentElement.style.removeProperty("--dock");
    this.#mark();
  }

  #show() {
    const { currentTime, duration } = this.#audio;
    const length = Number.isFinite(duration) ? duration : 0;
    find(this, "[data-time]").textContent = `${clock(currentTime)} / ${clock(length)}`;
    const seek = /** @type {HTMLInputElement} */ (find(this, "[data-seek]"));
    if (length) seek.value = String(Math.round((currentTime / length) * STEPS));
    seek.setAttribute("aria-valuetext", clock(currentTime));
    this.#mark();
  }

  /** Buttons of what is playing show it. */
  #mark() {
    const isPlaying = Boolean(this.#track) && !this.#audio.paused;
    find(this, "[data-play]").setAttribute("aria-pressed", String(isPlaying));
    this.classList.toggle("is-playing", isPlaying);
    for (const button of findAll(document, "[data-url]")) {
      button.setAttribute("aria-pressed", String(isPlaying && button.dataset.url === this.#track?.url));
    }
  }
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const resolved = (/** @type {string} */ name) => {
    const probe = document.createElement("i");
    probe.style.color = style.getPropertyValue(name);
    document.body.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  return { waveColor: resolved("--line-strong"), progressColor: resolved("--accent"), cursorColor: resolved("--ink") };
}

customElements.define("audio-dock", AudioDock);
