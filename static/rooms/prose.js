// A text in the page: its finished blocks as the server rendered them, put in once and never touched again, and behind
// them the block that is being written. The text is the state; both are drawn from it.

import { dress } from "./dress.js";
import { nodesOf } from "./html.js";
import { Tail } from "./tail.js";
import { Written } from "./written.js";

export class Prose {
  text = "";
  #end = 0; // where the rendered part ends
  #html; // the rendered part; null where the page came with it
  #tail;
  #caret = null; // the element in which the next word will stand

  /** `node` may hold what the server rendered with the page: `data-end` says of how much text. */
  constructor(node, text = "", role = "assistant") {
    this.node = node;
    this.#tail = role === "user" ? new Written(node) : new Tail(node);
    this.text = text;
    const end = Number(node.dataset.end ?? 0);
    node.querySelector(":scope > [data-open]")?.remove();
    if (end && end <= text.length) this.#end = end;
    else node.replaceChildren();
    this.#html = this.#end ? null : "";
    dress(node.children);
    this.#write(text.slice(this.#end));
  }

  get isEmpty() {
    return !this.text;
  }

  append(text) {
    this.text += text;
    this.#write(text);
  }

  /** Show this text; what is shown of it already stays. */
  set(text) {
    if (text.startsWith(this.text)) {
      if (text.length > this.text.length) this.append(text.slice(this.text.length));
      return;
    }
    this.text = text;
    this.#begin();
    this.#write(text);
  }

  /** A `rendered` frame. Blocks that are there already are not put in again: a selection in them stays. */
  render({ from, to, html }) {
    if (to > this.text.length) return;
    if (from === 0 && this.#html !== null && html.startsWith(this.#html)) {
      if (to <= this.#end) return;
      html = html.slice(this.#html.length);
    } else if (from === 0) {
      this.#begin();
    } else if (from !== this.#end) {
      return;
    }
    this.#moveCaret(null);
    const nodes = nodesOf(html);
    dress(nodes);
    this.#replace(this.#tail.release(), nodes);
    if (this.#html !== null) this.#html += html;
    this.#end = to;
    this.#write(this.text.slice(to));
  }

  #write(text) {
    this.#tail.append(text);
    this.#moveCaret(this.#tail.leaf);
  }

  #moveCaret(leaf) {
    if (leaf === this.#caret) return;
    this.#caret?.classList.remove("caret");
    if (this.#caret?.className === "") this.#caret.removeAttribute("class");
    leaf?.classList.add("caret");
    this.#caret = leaf;
  }

  /** What was drawn already as it is now stays the same node. */
  #replace(drawn, nodes) {
    let same = 0;
    while (same < nodes.length && drawn[same]?.isEqualNode(nodes[same])) same++;
    for (const node of drawn.slice(same)) node.remove();
    this.node.append(...nodes.slice(same));
  }

  #begin() {
    this.#tail.release();
    this.node.replaceChildren();
    this.#end = 0;
    this.#html = "";
  }
}
