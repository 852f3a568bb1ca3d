// Where the connection is shown: the pill in the header, the strip above the box. It says nothing about what heals by itself.

import { setText } from "./message.js";
import { obstacleOf } from "./reasons.js";
import { clock } from "./times.js";
import { hasWord, word } from "./words.js";

const SOON = 5_000; // below, "in n s" would only flicker
const SAID_SHOWN = 5_000;

export class ConnectionView {
  #shown = null;
  #outbox = 0;
  #said = null;
  #asked = "";
  #offered = "";
  #typing = [];

  /** `announce(text)` for the few changes that are worth a word. */
  constructor({ announce, ontry }) {
    this.announce = announce;
    this.pill = document.getElementById("pill");
    this.strip = document.getElementById("strip");
    this.line = this.strip.querySelector("[data-part=line]");
    this.button = this.strip.querySelector("[data-action=try]");
    this.button.addEventListener("click", () => (this.#line().button === word("reload") ? location.reload() : ontry()));
  }

  show(connection) {
    const before = this.#shown;
    if (connection.state === "blip") {
      if (!connection.settled) this.#pill("connecting", "");
      return;
    }
    this.#shown = connection;
    document.body.dataset.connection = connection.state;
    document.body.toggleAttribute("data-back", connection.back);
    this.strip.toggleAttribute("data-attempting", connection.state === "offline" && connection.attempting);
    this.#drawPill(connection);
    this.#strip();
    const changed = ["state", "back", "obstacle"].some((fact) => before?.[fact] !== connection[fact]);
    if (changed) this.#announce(before, connection);
  }

  outbox(count) {
    this.#outbox = count;
    if (this.#shown) this.#strip();
  }

  /** Who else is writing; shown where nothing weightier is, and never announced. */
  typing(names) {
    this.#typing = names;
    this.#strip();
  }

  /** This page can't go on as it is; its reader decides when. */
  askForReload(sentence) {
    this.#asked = sentence;
    this.#strip();
    this.announce(sentence);
  }

  /** This page goes on as it is, and a newer one is there. */
  offerReload(sentence) {
    this.#offered = sentence;
    this.#strip();
  }

  /** One sentence about something the server, or the box, would not take. */
  refuse(sentence) {
    this.#say("refused", sentence);
  }

  tell(sentence) {
    this.#say("told", sentence);
  }

  #say(state, text) {
    clearTimeout(this.#said?.timer);
    this.#said = { state, text, timer: setTimeout(() => this.#forget(), SAID_SHOWN) };
    this.#strip();
    this.announce(text);
  }

  #drawPill({ state, applied }) {
    this.#pill(state, state === "catching-up" && applied ? String(applied) : "");
  }

  #pill(state, count) {
    this.pill.dataset.state = state;
    setText(this.pill.querySelector("[data-part=label]"), word(`state.${state}`));
    setText(this.pill.querySelector("[data-part=count]"), count);
  }

  #strip() {
    const { state, text, button } = this.#line();
    this.strip.dataset.state = state;
    setText(this.line, text);
    this.line.title = text;
    this.button.hidden = !button;
    if (button) setText(this.button, button);
  }

  #line() {
    const shown = this.#shown ?? { state: "live" };
    if (this.#asked) return { state: "gone", text: this.#asked, button: word("reload") };
    if (shown.state === "gone") {
      const key = `gone.${shown.gone?.code}`;
      return { state: "gone", text: word(hasWord(key) ? key : "gone"), button: word("reload") };
    }
    if (shown.state === "cut") return { state: "cut", text: this.#withOutbox("cut") };
    const isBlocked = shown.obstacle && (shown.state === "offline" || shown.state === "reconnecting");
    if (isBlocked) return { state: "blocked", text: obstacleOf(shown.obstacle), button: word("try") };
    if (shown.state === "offline") {
      const next = shown.wait > SOON ? word("offline.next", { n: Math.ceil(shown.wait / 1000) }) : word("offline.trying");
      const since = this.#withOutbox("offline", { time: clock(new Date(shown.since)) });
      return { state: "offline", text: `${since} ${next}`, button: word("try") };
    }
    if (this.#said) return this.#said;
    if (shown.back && shown.applied) return { state: "back", text: word("back", { n: shown.applied }) };
    if (this.#offered) return { state: "told", text: this.#offered, button: word("reload") };
    return this.#typing.length ? { state: "typing", text: this.#typists() } : { state: "", text: "" };
  }

  #typists() {
    const [name, other] = this.#typing;
    if (this.#typing.length > 2) return word("typing.several");
    return other ? word("typing.both", { name, other }) : word("typing.by", { name });
  }

  #withOutbox(key, values = {}) {
    return this.#outbox ? word(key, { ...values, n: this.#outbox }) : word(key, values);
  }

  #announce(before, { state, back, applied, obstacle }) {
    if (obstacle) this.announce(obstacleOf(obstacle));
    else if (state === "offline") this.announce(word("offline.announce"));
    else if (state === "gone" || state === "cut") this.announce(this.#line().text);
    else if (back && !before?.back && applied) this.announce(word("back", { n: applied }));
  }

  #forget() {
    this.#said = null;
    this.#strip();
  }
}
