// The reference doctor's numbers, in words.

import { fill, fromTemplate } from "./dom.js";
import { number, percent, span, t } from "./words.js";

/**
 * @param {ParentNode} root that has the template `figure` @param {HTMLElement} list @param {Record<string, any>} report
 */
export function showFigures(root, list, report) {
  const figures = [
    [t("Length"), span(report.duration_s)],
    [t("Level"), `${number(report.level_dbfs, 1)} dBFS`],
    [t("Above the noise"), `${number(report.snr_db)} dB`],
    [t("Speech"), percent(report.speech_ratio)],
    [t("Clipped"), percent(report.clipped_ratio)],
    [t("Bandwidth"), `${number(report.bandwidth_hz / 1000, 1)} kHz`],
  ];
  list.replaceChildren(...figures.map(([name, value]) => {
    const figure = fromTemplate(root, "figure");
    fill(figure, { figure: name, value });
    return figure;
  }));
}

/** @param {{usable?: boolean, warnings: string[]}} report @returns {{word: string, kind: string}} */
export function verdict(report) {
  if (report.usable === false) return { word: t("cannot be used"), kind: "bad" };
  if (report.warnings.length) return { word: t("usable, could be better"), kind: "warn" };
  return { word: t("good"), kind: "good" };
}
