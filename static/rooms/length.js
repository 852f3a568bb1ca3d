// How much of the room's limit a text takes: said from near the limit on, in the units that the server counts.

import { number, word } from "./words.js";

const NEAR = 0.9;

export class Length {
  /** `button` sends; it is switched off, and says why, for what would be refused. */
  constructor({ limit, button }) {
    Object.assign(this, { limit, button });
    this.node = document.getElementById("length");
  }

  isOver(text) {
    return text.length > this.limit;
  }

  show(text) {
    const over = this.isOver(text);
    const near = text.length > this.limit * NEAR;
    this.node.toggleAttribute("data-near", near);
    this.node.toggleAttribute("data-over", over);
    // A status region: only a sentence that is another one is read out, not each number.
    this.node.querySelector("[data-part=count]").textContent = near ? `${number(text.length)} / ${number(this.limit)}` : "";
    const said = this.node.querySelector("[data-part=said]");
    const sentence = over ? word("length.over") : "";
    if (said.textContent !== sentence) said.textContent = sentence;
    this.button.toggleAttribute("data-over", over);
    if (over) this.button.setAttribute("aria-disabled", "true");
    else this.button.removeAttribute("aria-disabled");
  }
}
