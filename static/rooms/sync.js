// The two-tab page: two real rooms in frames, a switch for each wire, and what each tab holds. It only looks and compares.

import { sequenceOf } from "./log.js";
import { setText } from "./message.js";
import { number, word } from "./words.js";

const LOOK_EVERY = 100;
const STILL_AFTER = 400; // while text streams into both, two looks are never quite at the same instant
const SAY_EVERY = 1_000;

class Pane {
  constructor(node) {
    this.node = node;
    this.tab = node.dataset.tab;
    this.frame = node.querySelector("iframe");
    this.pill = node.querySelector(".pill");
    this.wire = node.querySelector("[role=switch]");
    this.marker = document.querySelector(`.marker[data-tab="${this.tab}"]`);
    this.wire.addEventListener("click", () => this.#toggle());
  }

  /** What the tab in the frame says of itself; null until it is there. */
  look() {
    const chatlab = this.#chatlab;
    this.state = chatlab?.state() ?? null;
    this.seq = this.state ? sequenceOf(this.state.cursor) : 0;
    const cut = this.state?.state === "cut";
    this.wire.setAttribute("aria-checked", String(!cut));
    this.node.toggleAttribute("data-cut", cut);
    return this.state;
  }

  draw(head) {
    if (!this.state) return;
    const { state, length, digest } = this.state;
    const shown = state === "blip" ? this.pill.dataset.state : state;
    this.pill.dataset.state = shown;
    setText(this.pill.querySelector("[data-part=label]"), word(`state.${shown}`));
    setText(this.node.querySelector("[data-part=cursor]"), `#${this.seq}`);
    setText(this.node.querySelector("[data-part=chars]"), number(length));
    setText(this.node.querySelector("[data-part=digest]"), digest);
    this.marker.style.setProperty("--at", head ? this.seq / head : 0);
  }

  get #chatlab() {
    try {
      return this.frame.contentWindow.chatlab;
    } catch {
      return undefined;
    }
  }

  #toggle() {
    const chatlab = this.#chatlab;
    if (!chatlab) return;
    if (this.state?.state === "cut") chatlab.plug();
    else chatlab.cut();
    look();
  }
}

const panes = Array.from(document.querySelectorAll(".pane"), (node) => new Pane(node));
const verdict = document.getElementById("verdict");
const headNode = document.getElementById("head");

let moved = { head: 0, at: 0 };
let judged = { state: "", at: 0 };

function look() {
  const states = panes.map((pane) => pane.look());
  const head = Math.max(...panes.map((pane) => pane.seq));
  if (head !== moved.head) moved = { head, at: performance.now() };
  for (const pane of panes) pane.draw(head);
  setText(headNode, head ? `#${head}` : "");
  say(judge(states, head));
}

/** A new verdict is said at once; the numbers in one that stays, only every so often: it is a live region. */
function say({ state, text }) {
  const now = performance.now();
  if (state === judged.state && now - judged.at < SAY_EVERY) return;
  judged = { state, at: now };
  verdict.dataset.state = state;
  setText(verdict, text);
}

function judge([first, second], head) {
  if (!first || !second) return { state: "waiting", text: word("waiting") };
  const bothLive = first.state === "live" && second.state === "live";
  if (bothLive && performance.now() - moved.at < STILL_AFTER) return { state: "moving", text: word("moving") };
  const behind = panes.find((pane) => pane.seq < head);
  if (behind) return { state: "behind", text: word("behind", { tab: behind.tab, n: head - behind.seq }) };
  const same = first.cursor === second.cursor && first.digest === second.digest && first.length === second.length;
  if (!same) return { state: "different", text: word("different") };
  if (!first.length) return { state: "identical", text: word("empty") };
  return { state: "identical", text: word("identical", { digest: first.digest, n: first.length }) };
}

if (panes.length) {
  look();
  setInterval(look, LOOK_EVERY);
} else {
  document.getElementById("create").requestSubmit();
}
