// One pane of the page with the tabs: a real room in a frame, the switch of its wire, and what it says of itself.

import { sequenceOf } from "./log.js";
import { setText } from "./message.js";
import { number, word } from "./words.js";

const markup = new XMLSerializer();

export class Pane {
  constructor(node, onchange) {
    this.node = node;
    this.tab = node.dataset.tab;
    this.frame = node.querySelector("iframe");
    this.onchange = onchange;
    this.marker = document.querySelector(`.marker[data-tab="${this.tab}"]`);
    this.parts = {};
    for (const part of node.querySelectorAll("[data-part]")) this.parts[part.dataset.part] = part;
    this.parts.wire.addEventListener("click", () => (this.isCut ? this.plug() : this.cut()));
    node.addEventListener("change", ({ target }) => this.#trouble(target.name, target.checked));
    node.addEventListener("click", ({ target }) => target.closest("[data-trouble=deafen]") && this.deafen());
  }

  get isCut() {
    return this.state?.state === "cut";
  }

  /** Nothing is being written, and nothing waits to be sent. */
  get isIdle() {
    return this.state?.state === "live" && !this.state.answering && !this.state.outbox;
  }

  cut() {
    this.chatlab?.cut();
    this.onchange();
  }

  plug() {
    this.chatlab?.plug();
    this.onchange();
  }

  deafen(ms = 5_000) {
    this.chatlab?.wire.deafen(ms);
    this.onchange();
  }

  /** What the tab in the frame says of itself; null until it is there. */
  look() {
    this.state = this.chatlab?.state() ?? null;
    this.seq = this.state ? sequenceOf(this.state.cursor) : 0;
    this.parts.wire.setAttribute("aria-checked", String(!this.isCut));
    this.node.toggleAttribute("data-cut", this.isCut);
    return this.state;
  }

  /** The newest answer as this tab shows it: once it has ended, in the very same elements everywhere. */
  get shown() {
    const answers = this.frame.contentDocument?.querySelectorAll("article[data-role=assistant]");
    if (!answers?.length) return "";
    const article = answers[answers.length - 1];
    const text = article.querySelector("[data-part=text]");
    return article.matches("[data-status=queued], [data-status=streaming]") ? text.textContent : markup.serializeToString(text);
  }

  draw(head) {
    if (!this.state) return;
    const { state, length, digest, duplicates, repairs } = this.state;
    const { pill, label, cursor, chars, digest: digestNode, troubles } = this.parts;
    const shown = state === "blip" ? pill.dataset.state : state;
    pill.dataset.state = shown;
    setText(label, word(`state.${shown}`));
    setText(cursor, `#${this.seq}`);
    setText(chars, number(length));
    setText(digestNode, digest);
    setText(troubles, duplicates || repairs ? word("troubles", { duplicates, repairs }) : "");
    this.marker.style.setProperty("--at", head ? this.seq / head : 0);
  }

  /** The page in the frame; undefined until it is there. */
  get chatlab() {
    try {
      return this.frame.contentWindow.chatlab;
    } catch {
      return undefined;
    }
  }

  #trouble(name, checked) {
    const wire = this.chatlab?.wire;
    if (wire && (name === "twice" || name === "swap" || name === "slow")) wire[name] = checked;
  }
}
