// <mic-recorder>: records plain samples, unfiltered by the browser, and gives a WAV file in a `files` event.

import { find } from "../lib/dom.js";
import { complain, tell } from "../lib/notify.js";
import { clock, t } from "../lib/words.js";

const MAX_S = 60;
const METER_EVERY_MS = 60;

class MicRecorder extends HTMLElement {
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {Float32Array[]} */
  #blocks = [];
  #metered = 0;

  connectedCallback() {
    const button = /** @type {HTMLButtonElement} */ (find(this, "[data-record]"));
    if (!navigator.mediaDevices) {
      button.disabled = true;
      /** @type {HTMLElement | null | undefined} */ (this.closest("file-drop")?.querySelector("[data-insecure]"))?.removeAttribute("hidden");
      return;
    }
    button.addEventListener("click", () => (this.#stream ? this.#finish() : this.#begin()).catch((error) => this.#fail(error)));
  }

  disconnectedCallback() {
    void this.#stop();
  }

  async #begin() {
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    this.#stream = await navigator.mediaDevices.getUserMedia({ audio });
    this.#context = new AudioContext();
    await this.#context.audioWorklet.addModule(`${document.documentElement.dataset.static}/js/elements/mic-worklet.js`);
    const tap = new AudioWorkletNode(this.#context, "tap", { numberOfOutputs: 0 });
    this.#blocks = [];
    tap.port.onmessage = ({ data }) => this.#hear(data);
    this.#context.createMediaStreamSource(this.#stream).connect(tap);
    this.#show(true);
  }

  /** @param {Float32Array} block */
  #hear(block) {
    if (!this.#context) return;
    this.#blocks.push(block);
    const seconds = (this.#blocks.length * block.length) / this.#context.sampleRate;
    if (performance.now() - this.#metered > METER_EVERY_MS) {
      this.#metered = performance.now();
      const loudest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-5);
      find(this, "[data-meter] > i").style.width = `${Math.max(0, 100 + (100 / 60) * 20 * Math.log10(loudest))}%`;
      find(this, "[data-recorded]").textContent = clock(seconds);
    }
    if (seconds >= MAX_S) void this.#finish();
  }

  async #finish() {
    const rate = this.#context?.sampleRate ?? 48000;
    const blocks = this.#blocks;
    await this.#stop();
    if (!blocks.length) return;
    const name = `${t("recording")} ${new Date().toTimeString().slice(0, 8).replaceAll(":", "-")}.wav`;
    const file = new File([wav(blocks, rate)], name, { type: "audio/wav" });
    this.dispatchEvent(new CustomEvent("files", { detail: [file], bubbles: true }));
  }

  async #stop() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    const context = this.#context;
    this.#stream = null;
    this.#context = null;
    this.#blocks = [];
    if (this.isConnected) this.#show(false);
    await context?.close();
  }

  /** @param {Error} error */
  async #fail(error) {
    await this.#stop();
    /** @type {Record<string, string>} */
    const reasons = {
      NotAllowedError: t("The browser was not allowed to use the microphone. Allow it beside the address, then record again."),
      NotFoundError: t("There is no microphone. Plug one in, or drop a recording."),
      NotReadableError: t("Another program holds the microphone. Close it, then record again."),
    };
    if (error.name in reasons) tell(reasons[error.name], "bad");
    else complain(error);
  }

  /** @param {boolean} isRecording */
  #show(isRecording) {
    find(this, "[data-record]").setAttribute("aria-pressed", String(isRecording));
    this.classList.toggle("is-playing", isRecording);
    find(this, "[data-record-text]").textContent = isRecording ? t("Stop recording") : t("Record");
    find(this, "[data-meter]").hidden = !isRecording;
    find(this, "[data-recorded]").hidden = !isRecording;
  }
}

/** 16-bit mono. @param {Float32Array[]} blocks @param {number} rate */
function wav(blocks, rate) {
  const n = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * n));
  const text = (/** @type {number} */ at, /** @type {string} */ letters) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * n, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * n, true);
  let at = 44;
  for (const block of blocks) for (const value of block) {
    view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(value * 32767))), true);
    at += 2;
  }
  return view.buffer;
}

customElements.define("mic-recorder", MicRecorder);
