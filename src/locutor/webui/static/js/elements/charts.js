// <loss-chart> and <bar-chart>: curves and histograms by uPlot, in the page's colours.

import { number } from "../lib/words.js";

/** @typedef {{label: string, points: [number, number][], colour: string, dash?: number[]}} Curve */

/** Steps between whole numbers on an axis. */
const WHOLE = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

class Chart extends HTMLElement {
  /** @type {any} */
  plot = null;
  /** @type {ResizeObserver | null} */
  #watch = null;

  connectedCallback() {
    this.#watch = new ResizeObserver(() => this.plot?.setSize({ width: this.clientWidth, height: this.plot.height }));
    this.#watch.observe(this);
  }

  disconnectedCallback() {
    this.#watch?.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  /** @param {any} options @param {any[]} data */
  async draw(options, data) {
    await styled();
    const { default: UPlot } = await import("../../vendor/uPlot.esm.js");
    if (!this.isConnected) return;
    this.plot?.destroy();
    this.replaceChildren();
    const axis = { stroke: colour("--ink-soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const axes = [{ ...axis, ...options.x }, { ...axis, size: 56, values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map((tick) => number(tick, tick && Math.abs(tick) < 1 ? 2 : Number.isInteger(tick) ? 0 : 1)) }];
    const { x: _x, ...rest } = options;
    this.plot = new UPlot({ width: this.clientWidth || 400, height: 240, axes, legend: { show: options.series.length > 2 }, ...rest }, data, this);
  }
}

/** Curves that share their steps. */
class LossChart extends Chart {
  /** @param {Curve[]} curves @param {string} xLabel */
  async show(curves, xLabel) {
    const shown = curves.filter((curve) => curve.points.length);
    if (!shown.length) return;
    const steps = [...new Set(shown.flatMap((curve) => curve.points.map(([x]) => x)))].sort((a, b) => a - b);
    const at = shown.map((curve) => new Map(curve.points));
    const data = [steps, ...at.map((points) => steps.map((x) => points.get(x) ?? null))];
    if (this.plot && this.plot.series.length === data.length) {
      this.plot.setData(data);
      return;
    }
    const series = [{ label: xLabel }, ...shown.map((curve) => ({ label: curve.label, stroke: colour(curve.colour), width: 2, dash: curve.dash, spanGaps: true, points: { show: curve.points.length < 40, size: 5 } }))];
    await this.draw({ scales: { x: { time: false } }, series, x: { incrs: WHOLE } }, data);
  }
}

/** How many of each. */
class BarChart extends Chart {
  /** @param {number[]} edges one more than counts @param {number[]} counts @param {string} label */
  async show(edges, counts, label) {
    const { default: UPlot } = await import("../../vendor/uPlot.esm.js");
    const middles = counts.map((_, i) => (edges[i] + edges[i + 1]) / 2);
    const bars = UPlot.paths.bars?.({ size: [0.9, 60] });
    const series = [{}, { label, width: 0, fill: colour("--teal"), paths: bars, points: { show: false } }];
    const range = [edges[0], edges[edges.length - 1]];
    await this.draw({ height: 180, scales: { x: { time: false, range } }, series }, [middles, counts]);
  }
}

/** A custom property as a colour that a canvas takes. @param {string} name */
function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** @type {Promise<void> | null} */
let sheet = null;

/** uPlot's own style sheet, fetched with the first chart. */
function styled() {
  sheet ??= new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = `${document.documentElement.dataset.static}/vendor/uPlot.min.css`;
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => resolve());
    document.head.append(link);
  });
  return sheet;
}

customElements.define("loss-chart", LossChart);
customElements.define("bar-chart", BarChart);
