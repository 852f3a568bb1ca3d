// The box. It is never disabled: what can't be sent now waits in the outbox.

import { composes } from "./keys.js";
import { Length } from "./length.js";
import { recall, remember } from "./stored.js";
import { word } from "./words.js";

const DRAFT_AFTER = 300;
const ARMED_AFTER = 500; // a double click on Send must not stop the answer that it asked for, nor one on Stop the next

export class Composer {
  #running = false;
  #modeSince = 0;
  #stoppedAt = -Infinity;
  #draftTimer = null;
  #underWay = new Set(); // texts that were sent and have no receipt: until then the draft stays what it was
  keepsDraft = true; // not while an old message is edited in the box

  /**
   * `onsend(text)`, `ontyping()`, `onrefuse(sentence)`; `onclose()` and `onstop()` are true where something was closed, or
   * stopped. `draft` is the storage key, `underWay` are texts in the outbox.
   */
  constructor({ limit, draft, underWay = [], onsend, onclose, onstop, ontyping, onrefuse }) {
    Object.assign(this, { limit, draft, onsend, onclose, onstop, ontyping, onrefuse });
    this.form = document.getElementById("composer");
    this.box = this.form.elements.text;
    this.button = document.getElementById("send");
    this.length = new Length({ limit, button: this.button });
    this.form.noValidate = true;
    this.form.addEventListener("submit", (event) => this.#submitted(event));
    this.box.addEventListener("keydown", (event) => this.#pressed(event));
    this.box.addEventListener("input", () => {
      this.#changed();
      if (!this.isEmpty) this.ontyping();
    });
    addEventListener("pagehide", () => this.#store()); // a page that goes does not wait for the timer
    this.box.enterKeyHint = this.#coarse ? "enter" : "send";
    this.#underWay = new Set(underWay);
    if (!this.box.value && !this.#underWay.has(this.#stored())) this.box.value = this.#stored();
    this.#changed();
  }

  /** The texts that wait for their receipt. What has it is no draft any more. */
  underWay(texts) {
    this.#underWay = new Set(texts);
    this.#store();
  }

  get #coarse() {
    return matchMedia("(pointer: coarse)").matches;
  }

  get isEmpty() {
    return !this.box.value.trim();
  }

  running(yes) {
    if (this.#running === yes) return;
    this.#running = yes;
    this.#showMode();
  }

  get text() {
    return this.box.value;
  }

  replace(text) {
    this.box.value = text;
    this.#changed();
    this.box.focus();
    this.box.setSelectionRange(text.length, text.length);
  }

  /** A text comes back to be changed; what is being written is not lost for it. */
  put(text) {
    this.box.value = this.box.value.trim() ? `${text}\n\n${this.box.value}` : text;
    this.#changed();
    this.box.focus();
  }

  #submitted(event) {
    event.preventDefault();
    if (this.button.dataset.mode === "stop") {
      if (performance.now() - this.#modeSince > ARMED_AFTER) this.#stop();
      return;
    }
    this.#send();
  }

  #stop() {
    if (performance.now() - this.#stoppedAt < ARMED_AFTER) return true;
    const stopped = this.onstop();
    if (stopped) this.#stoppedAt = performance.now();
    return stopped;
  }

  #send() {
    const text = this.box.value;
    if (!text.trim()) return;
    if (this.length.isOver(text)) {
      this.onrefuse(word("length", { n: text.length, limit: this.limit }));
      return;
    }
    this.#store(); // now, not in 300 ms
    this.#underWay.add(text);
    this.box.value = "";
    this.#changed();
    this.box.focus();
    this.onsend(text);
  }

  #pressed(event) {
    if (composes(event)) return;
    if (event.key === "Escape") this.#escaped(event);
    if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
    if (this.#coarse && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#send();
  }

  /** What is open is closed first. A popover closes by itself, unless it is kept from it. */
  #escaped(event) {
    if (event.repeat || event.defaultPrevented || document.querySelector(":popover-open")) return;
    if (this.onclose() || this.#stop()) event.preventDefault();
  }

  #changed() {
    this.length.show(this.box.value);
    this.#showMode();
    this.#fit();
    clearTimeout(this.#draftTimer);
    this.#draftTimer = setTimeout(() => this.#store(), DRAFT_AFTER);
  }

  #showMode() {
    const mode = this.#running && !this.box.value.trim() ? "stop" : "send";
    if (mode === this.button.dataset.mode) return;
    this.#modeSince = performance.now();
    this.button.dataset.mode = mode;
    this.button.setAttribute("aria-label", word(mode));
    this.button.title = word(mode);
  }

  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.box.style.height = "auto";
    this.box.style.height = `${this.box.scrollHeight}px`;
  }

  #stored() {
    return recall(this.draft) ?? "";
  }

  #store() {
    if (!this.keepsDraft || (!this.box.value && this.#underWay.has(this.#stored()))) return;
    remember(this.draft, this.box.value);
  }
}
