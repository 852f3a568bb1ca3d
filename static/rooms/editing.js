// Editing one's own question. The old version stays; what is sent begins a branch beside it.

import { composes } from "./keys.js";

export class Editing {
  #parent = null; // what the edited message follows: null for a first one
  #id = null;
  #stash = "";

  /** `mine()` is the newest message of one's own that stands in the page. */
  constructor({ composer, mine }) {
    Object.assign(this, { composer, mine });
    this.bar = document.getElementById("editing");
    this.bar.querySelector("button").addEventListener("click", () => this.leave());
    composer.box.addEventListener("keydown", (event) => this.#pressed(event));
  }

  begin(message) {
    if (!message) return;
    if (this.#id === null) this.#stash = this.composer.text;
    this.#id = message.id;
    this.#parent = message.parent;
    this.#show(true);
    this.composer.replace(message.text);
  }

  /** What a message that is sent now has beside its text. */
  take() {
    if (this.#id === null) return {};
    const parent = this.#parent;
    this.leave();
    return { parent };
  }

  /** True where something was being edited. */
  leave() {
    if (this.#id === null) return false;
    this.#id = null;
    this.#show(false);
    this.composer.replace(this.#stash);
    return true;
  }

  #show(editing) {
    this.bar.hidden = !editing;
    this.composer.keepsDraft = !editing;
    for (const marked of document.querySelectorAll("[data-edited]")) marked.removeAttribute("data-edited");
    if (editing) document.getElementById(`m-${this.#id}`)?.setAttribute("data-edited", "");
  }

  #pressed(event) {
    if (composes(event) || event.defaultPrevented) return;
    if (event.key === "ArrowUp" && !this.composer.text && !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.begin(this.mine());
    }
  }
}
