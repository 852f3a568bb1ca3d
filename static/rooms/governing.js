// Who may be in the room, as the log has it now: the lock beside the title, and what only the owner is offered.

import { setText } from "./message.js";
import { word } from "./words.js";

export class Governing {
  #before = null;

  /** `send(frame)` is false where it could not be sent; `outside(sentence)`: one is no member any more, or is again (""). */
  constructor({ log, me, send, tell, refuse, outside }) {
    Object.assign(this, { log, me, send, tell, refuse, outside });
    this.mark = document.getElementById("locked");
    this.button = document.querySelector("button[data-command=lock]");
  }

  /** After each batch. */
  draw() {
    const { room, members } = this.log().state;
    const { role, removed } = members[this.me] ?? {};
    const locked = Boolean(room.locked);
    if (this.mark) this.mark.hidden = !locked;
    if (this.button) {
      this.button.closest("li").hidden = role !== "owner";
      setText(this.button.querySelector("[data-part=label]"), word(locked ? "unlock" : "lock"));
    }
    if (this.#before) this.#say(this.#before, { role, removed, locked });
    this.#before = { role, locked };
  }

  toggleLock() {
    const { room, members } = this.log().state;
    if (members[this.me]?.role !== "owner") this.refuse(word("lock.owner"));
    else if (!this.send({ type: "room", locked: !room.locked })) this.refuse(word("lock.offline"));
  }

  #say(before, { role, removed, locked }) {
    if (locked !== before.locked) this.tell(word(locked ? "locked.now" : "unlocked.now"));
    if (role === before.role) return;
    if (role === "owner") this.tell(word("owner.now"));
    if (role === "left") this.outside(word(removed ? "gone.removed" : "gone.left"));
    else if (before.role === "left") this.outside("");
  }
}
