// An answer played again as it was written: fetched from the log when it is wanted, drawn in a dialog of its own.

import { setText } from "./message.js";
import { Playback, curve, recordingOf } from "./playback.js";
import { Prose } from "./prose.js";
import { number, word } from "./words.js";

const WIDTH = 600;
const HEIGHT = 48;
const NEAR_END = 40; // within so many pixels of the end the dialog follows the text

export class Replay {
  #playback = null;
  #prose = null;
  #lastFrame = 0;
  #wanted = null;

  /** `api` is the room's; `onfail(sentence)` hears what could not be done. */
  constructor({ api, onfail }) {
    Object.assign(this, { api, onfail });
    this.dialog = document.getElementById("replay");
    this.parts = {};
    for (const part of this.dialog.querySelectorAll("[data-part]")) this.parts[part.dataset.part] = part;
    const { play, scrub, close } = this.parts;
    play.addEventListener("click", () => this.#do(() => this.#playback.toggle()));
    scrub.addEventListener("input", () => this.#do(() => this.#playback.seek(Number(scrub.value))));
    close.addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => (this.#playback = null));
    this.dialog.addEventListener("change", ({ target }) => {
      if (target.name === "speed") this.#do(() => (this.#playback.speed = Number(target.value)));
    });
  }

  async open(message, title) {
    this.#wanted = message;
    let recording;
    try {
      recording = recordingOf(await this.#fetch(message));
    } catch {
      this.onfail(word("replay.failed"));
      return;
    }
    if (this.#wanted !== message) return; // another one was asked for meanwhile
    if (!recording) {
      this.onfail(word("replay.empty"));
      return;
    }
    this.#playback = new Playback(recording);
    this.parts.body.replaceChildren();
    this.#prose = new Prose(this.parts.body);
    this.parts.speeds.querySelector("[value='1']").checked = true;
    setText(this.parts.title, title);
    this.parts.scrub.max = String(Math.ceil(recording.duration));
    this.parts.curve.setAttribute("d", curve(recording, WIDTH, HEIGHT));
    this.dialog.showModal();
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.#playback.toggle();
    this.#lastFrame = performance.now();
    this.#frame(this.#lastFrame);
  }

  async #fetch(message) {
    const items = [];
    for (let page = { up_to_date: false }; !page.up_to_date; ) {
      const after = items.at(-1)?.seq ?? 0;
      const response = await fetch(`${this.api}/messages/${message}/deltas?after=${after}`, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(response.statusText);
      page = await response.json();
      items.push(...page.items);
    }
    return items;
  }

  #do(change) {
    if (!this.#playback) return;
    change();
    this.#draw();
  }

  #frame(now) {
    if (!this.#playback) return;
    this.#playback.advance(now - this.#lastFrame);
    this.#lastFrame = now;
    this.#draw();
    requestAnimationFrame((next) => this.#frame(next));
  }

  #draw() {
    const { position, playing, ended, text, recording } = this.#playback;
    const { play, scrub, time, chars, mark } = this.parts;
    const label = word(playing ? "replay.pause" : ended ? "replay.again" : "replay.play");
    play.dataset.playing = String(playing);
    play.setAttribute("aria-label", label);
    play.title = label;
    if (Number(scrub.value) !== Math.round(position)) scrub.value = String(Math.round(position));
    scrub.setAttribute("aria-valuetext", this.#clock(position, recording.duration));
    mark.setAttribute("x", String((position / (recording.duration || 1)) * WIDTH - 1));
    setText(time, this.#clock(position, recording.duration));
    setText(chars, word("replay.chars", { n: text.length }));
    this.#show(text);
  }

  #show(text) {
    if (this.#prose.text.length === text.length) return;
    const { scroller } = this.parts;
    const follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END;
    this.#prose.set(text);
    if (follows) scroller.scrollTop = scroller.scrollHeight;
  }

  #clock(position, duration) {
    const seconds = (ms) => number(Math.round(ms / 100) / 10);
    return word("replay.time", { at: seconds(position), of: seconds(duration) });
  }
}
