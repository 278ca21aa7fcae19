// <file-drop>: files by dropping or choosing; says so with a `files` event (detail: File[]).

import { find } from "../lib/dom.js";

class FileDrop extends HTMLElement {
  connectedCallback() {
    const input = /** @type {HTMLInputElement} */ (find(this, "[data-file]"));
    const zone = find(this, ".drop");
    input.accept = this.getAttribute("accept") ?? "";
    input.multiple = this.hasAttribute("multiple");
    find(this, "[data-choose]").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.#give(input.files);
      input.value = "";
    });
    for (const type of ["dragenter", "dragover"]) zone.addEventListener(type, (event) => (event.preventDefault(), zone.classList.add("over")));
    for (const type of ["dragleave", "drop"]) zone.addEventListener(type, (event) => (event.preventDefault(), zone.classList.remove("over")));
    zone.addEventListener("drop", (event) => this.#give(/** @type {DragEvent} */ (event).dataTransfer?.files));
  }

  /** @param {FileList | null | undefined} files */
  #give(files) {
    if (files?.length) this.dispatchEvent(new CustomEvent("files", { detail: Array.from(files), bubbles: true }));
  }
}

customElements.define("file-drop", FileDrop);
