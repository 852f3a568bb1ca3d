// Stopping. Esc, the button of the box and the palette end what one asked for oneself, one answer at a time, the oldest
// first: a follow-up that waits for it is not meant. What others asked for has a button of its own.

import { isTerminal } from "./log.js";
import { word } from "./words.js";

export class Stops {
  /** `me` is the member's id; `tell(sentence)`. */
  constructor({ session, view, me, tell }) {
    Object.assign(this, { session, view, me, tell });
  }

  /** The answers that are asked for and have not ended, on the branch that is shown. */
  get running() {
    return this.session.log.shown.filter((message) => message.role === "assistant" && !isTerminal(message));
  }

  /** The one that is stopped next. */
  get mine() {
    const { log } = this.session;
    return this.running.find((answer) => log.askerOf(answer) === this.me && !this.session.isStopping(answer.id));
  }

  stop(id) {
    this.session.stop(id);
    this.view.touch(id);
  }

  /** False where nothing is one's own; whose it is, is said. */
  stopMine() {
    const { mine } = this;
    if (mine) this.stop(mine.id);
    else this.#sayWhose();
    return Boolean(mine);
  }

  #sayWhose() {
    const { log } = this.session;
    const other = this.running.find((answer) => log.askerOf(answer) !== this.me);
    if (!other) return;
    this.tell(word("stop.others", { name: log.state.members[log.askerOf(other)]?.name ?? word("somebody") }));
  }
}
