// Elements from templates, filled with text only: nothing that comes from data is ever read as HTML.

/**
 * The one element that fits; it is a fault of the page when there is none.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {ParentNode} root @param {string} selector @returns {T}
 */
export function find(root, selector) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return /** @type {T} */ (found);
}

/** @param {ParentNode} root @param {string} selector @returns {HTMLElement[]} */
export const findAll = (root, selector) => Array.from(root.querySelectorAll(selector));

/** A copy of `<template data-t=name>`. @param {ParentNode} root @param {string} name */
export function fromTemplate(root, name) {
  const template = /** @type {HTMLTemplateElement} */ (find(root, `template[data-t="${name}"]`));
  return /** @type {HTMLElement} */ (document.importNode(template.content, true).firstElementChild);
}

/**
 * Put texts into the elements marked data-f; one without a text is hidden.
 * @param {ParentNode} root @param {Record<string, unknown>} texts
 */
export function fill(root, texts) {
  for (const [name, value] of Object.entries(texts)) {
    for (const element of findAll(root, `[data-f="${name}"]`)) {
      const text = value === null || value === undefined ? "" : String(value);
      if (element.textContent !== text) element.textContent = text;
      element.hidden = text === "";
    }
  }
}

/**
 * Show a list, keeping the elements of entries that are still in it, with their focus and their players.
 * @template T
 * @param {HTMLElement} list @param {T[]} entries @param {(entry: T) => string} keyOf
 * @param {(entry: T) => HTMLElement} make @param {(element: HTMLElement, entry: T) => void} update
 */
export function showList(list, entries, keyOf, make, update) {
  const known = new Map(Array.from(list.children, (child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  /** @type {Element | null} */
  let before = list.firstElementChild;
  for (const entry of entries) {
    const key = keyOf(entry);
    let element = /** @type {HTMLElement | undefined} */ (known.get(key));
    known.delete(key);
    if (!element) {
      element = make(entry);
      element.dataset.key = key;
    }
    update(element, entry);
    if (element === before) before = element.nextElementSibling;
    else if (element.contains(document.activeElement)) before = movedPast(list, before, element);
    else list.insertBefore(element, before);
  }
  for (const gone of known.values()) gone.remove();
}

/**
 * What is moved loses the focus, so what stands before the entry that has it is put to the end instead.
 * @param {HTMLElement} list @param {Element | null} before @param {HTMLElement} element
 * @returns {Element | null} what follows the entry
 */
function movedPast(list, before, element) {
  while (before && before !== element) {
    const next = before.nextElementSibling;
    list.append(before);
    before = next;
  }
  return element.nextElementSibling;
}

/** @param {string} name @param {string} [extra] */
export function icon(name, extra = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon ${extra}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.documentElement.dataset.static}/vendor/lucide.svg#${name}`);
  svg.append(use);
  return svg;
}

/** @param {string} tag @param {string} [text] @param {Record<string, string>} [attributes] */
export function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/**
 * Fill a select, keeping its choice where it still exists.
 * @param {HTMLSelectElement} select @param {{value: string, text: string}[]} options @param {string} [chosen]
 */
export function showOptions(select, options, chosen) {
  const wanted = chosen ?? select.value;
  select.replaceChildren(...options.map(({ value, text }) => new Option(text, value, false, value === wanted)));
}

/** A hue of its own for an id. @param {string} id */
export function hueOf(id) {
  let hash = 7;
  for (const letter of id) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return hash;
}
