// What a screen reader hears: other people's messages, that an answer began, and how it ended. Never the streaming text;
// who chooses so hears each paragraph once it is finished.

import { failureOf } from "./reasons.js";
import { recall, remember } from "./stored.js";
import { word } from "./words.js";

const KEPT = 20;
const CHOICE = "chatlab.aloud";

export class Announcer {
  #said = new Map(); // of answers that are read by paragraphs: up to where

  constructor({ me, model }) {
    Object.assign(this, { me, model, byParagraph: recall(CHOICE) === "paragraph" });
    this.log = document.getElementById("announcer");
    this.status = document.getElementById("status");
  }

  say(text) {
    const line = document.createElement("p");
    line.textContent = text;
    this.log.append(line);
    while (this.log.childElementCount > KEPT) this.log.firstElementChild.remove();
  }

  inform(text) {
    this.status.textContent = text;
  }

  /** For every room, and for the next visit; an answer under way is read from its next paragraph on. */
  readByParagraph(chosen) {
    this.byParagraph = chosen;
    remember(CHOICE, chosen ? "paragraph" : "");
  }

  /** Only for what happens live; a replay is one sentence of the connection. */
  changes(list, log) {
    for (const { kind, id, part, from, to } of list) {
      const message = id && log.message(id);
      if (!message) continue;
      if (kind === "opened" && message.role === "user" && message.author !== this.me) this.#message(message, log);
      else if (kind === "started") this.say(word("say.answering", { model: message.model || this.model }));
      else if (kind === "rendered" && part === "text" && this.byParagraph && message.status === "streaming") this.#paragraph(message, from, to);
      else if (kind === "closed") this.#closed(message);
    }
  }

  #message(message, log) {
    this.say(word("say.message", { name: log.state.members[message.author]?.name ?? word("somebody"), text: message.text }));
  }

  #paragraph({ id, text }, from, to) {
    const begin = Math.max(from, this.#said.get(id) ?? 0);
    if (to <= begin) return;
    this.#said.set(id, to);
    const paragraph = plain(text.slice(begin, to));
    if (paragraph) this.say(paragraph);
  }

  #closed(message) {
    const said = this.#said.get(message.id);
    this.#said.delete(message.id);
    const text = plain(message.text);
    const words = text.split(/\s+/).filter(Boolean).length;
    const rest = said === undefined ? text.split(/\n\s*\n/, 1)[0] : plain(message.text.slice(said));
    if (message.status === "complete") this.say(word("say.answered", { n: words, text: rest }));
    else this.say(word("say.ended", { text: failureOf(message.failure) }));
  }
}

/** Markdown without its marks, as it is to be heard. */
function plain(markdown) {
  return markdown
    .replace(/!?\[([^\]\n]*)\]\([^)\s]*(?:\s[^)\n]*)?\)/g, "$1")
    .replace(/[*_`#>|]/g, "")
    .trim();
}
