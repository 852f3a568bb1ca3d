// What a screen reader hears: other people's messages, that an answer began, and how it ended. Never the streaming text.

import { failureOf } from "./reasons.js";
import { word } from "./words.js";

const KEPT = 20;

export class Announcer {
  constructor({ me, model }) {
    Object.assign(this, { me, model });
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

  /** Only for what happens live; a replay is one sentence of the connection. */
  changes(list, log) {
    for (const { kind, id } of list) {
      const message = id && log.message(id);
      if (!message) continue;
      if (kind === "opened" && message.role === "user" && message.author !== this.me) this.#message(message, log);
      else if (kind === "started") this.say(word("say.answering", { model: message.model || this.model }));
      else if (kind === "closed") this.#closed(message);
    }
  }

  #message(message, log) {
    this.say(word("say.message", { name: log.state.members[message.author]?.name ?? word("somebody"), text: message.text }));
  }

  #closed(message) {
    const plain = message.text.replace(/[*_`#>|]/g, "");
    const paragraph = plain.trim().split(/\n\s*\n/, 1)[0];
    const words = plain.split(/\s+/).filter(Boolean).length;
    if (message.status === "complete") this.say(word("say.answered", { n: words, text: paragraph }));
    else this.say(word("say.ended", { text: failureOf(message.failure) }));
  }
}
