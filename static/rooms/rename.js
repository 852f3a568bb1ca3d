// Renaming the room where its title stands. The new title is shown when it comes back through the log, as for everybody.

import { composes } from "./keys.js";

export class Rename {
  /** `current()` is the title that the log holds; `onrename(title)`. */
  constructor({ current, onrename }) {
    Object.assign(this, { current, onrename });
    this.title = document.getElementById("title");
    this.form = document.getElementById("rename");
    this.button = document.querySelector("[data-action=rename]");
    if (!this.form) return;
    this.input = this.form.elements.title;
    this.button.addEventListener("click", () => this.#begin());
    this.title.addEventListener("click", () => this.#begin());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#end(true);
    });
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !composes(event)) this.#end(false);
    });
    this.input.addEventListener("blur", () => this.#end(true));
  }

  #begin() {
    this.#show(true);
    this.input.value = this.current();
    this.input.select();
    this.input.focus();
  }

  #end(keep) {
    if (this.form.hidden) return;
    const title = this.input.value.trim();
    const focused = this.form.contains(document.activeElement);
    this.#show(false);
    if (focused) this.button.focus();
    if (keep && title && title !== this.current()) this.onrename(title);
  }

  #show(editing) {
    this.form.hidden = !editing;
    this.title.hidden = this.button.hidden = editing;
  }
}
