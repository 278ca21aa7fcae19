// <wave-form src="/jobs/x/peaks" n="120">: a small picture of a recording, fetched when it comes into view.

import { get, withQuery } from "../lib/api.js";

/** @type {Map<string, Promise<{low: number[], high: number[]}>>} */
const known = new Map();
const MAX_KNOWN = 400;

/** @param {string} src @param {number} n @returns {Promise<{low: number[], high: number[], duration: number}>} */
export function peaksOf(src, n) {
  const url = withQuery(src, { n });
  let found = known.get(url);
  if (!found) {
    found = get(url);
    known.set(url, found);
    found.catch(() => known.delete(url));
    if (known.size > MAX_KNOWN) known.delete(/** @type {string} */ (known.keys().next().value));
  }
  return /** @type {Promise<any>} */ (found);
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) void /** @type {WaveForm} */ (entry.target).draw();
});

export class WaveForm extends HTMLElement {
  static observedAttributes = ["src"];

  connectedCallback() {
    this.setAttribute("aria-hidden", "true");
    watcher.observe(this);
  }

  disconnectedCallback() {
    watcher.unobserve(this);
  }

  attributeChangedCallback() {
    this.replaceChildren();
    watcher.unobserve(this);
    watcher.observe(this);
  }

  async draw() {
    const src = this.getAttribute("src");
    if (!src || this.firstChild) return;
    watcher.unobserve(this);
    try {
      const peaks = await peaksOf(src, Number(this.getAttribute("n") ?? 120));
      if (src === this.getAttribute("src") && !this.firstChild) this.append(picture(peaks, this.getAttribute("stroke") ?? "2"));
    } catch {
      // a recording that went meanwhile has no picture; its entry says so in words
    }
  }
}

/** @param {{low: number[], high: number[]}} peaks @param {string} stroke */
function picture({ low, high }, stroke) {
  const loudest = Math.max(0.05, ...high, ...low.map((value) => -value));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${high.length} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const bars = high.map((top, i) => {
    const half = Math.max(1.5, (46 * Math.max(top, -low[i])) / loudest);
    return `M${i + 0.5} ${(50 - half).toFixed(1)}V${(50 + half).toFixed(1)}`;
  });
  path.setAttribute("d", bars.join(""));
  path.setAttribute("stroke-width", stroke);
  svg.append(path);
  return svg;
}

customElements.define("wave-form", WaveForm);
