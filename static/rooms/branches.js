// Versions of a message: the picker under it, and which one everybody is shown. The choice is the room's, so it comes back
// through the log, as for everybody.

import { number } from "./words.js";

export class Branches {
  #wanted = null; // the version that was asked for here, and the button that had the focus

  /** `log()`; `onchoose(chosen)` is false where it could not be sent. */
  constructor({ log, list, onchoose }) {
    Object.assign(this, { log, list, onchoose });
    list.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** Show the version that stands `by` places further. */
  step(id, by, action) {
    const log = this.log();
    const message = log.message(id);
    const ids = message ? log.versions(message) : [];
    const to = ids[ids.indexOf(id) + by];
    if (!to) return;
    if (this.onchoose({ [message.parent ?? ""]: to })) this.#wanted = { id: to, action };
  }

  /** After each drawing: the focus goes on from the version that is gone to the one in its place. */
  drawn() {
    const article = this.#wanted && document.getElementById(`m-${this.#wanted.id}`);
    if (!article) return;
    const { action } = this.#wanted;
    this.#wanted = null;
    if (document.activeElement !== document.body && document.activeElement) return;
    const same = article.querySelector(`[data-action="${action}"]:not(:disabled)`);
    (same ?? article.querySelector(".versions button:not(:disabled)"))?.focus({ preventScroll: true });
  }

  #pressed(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !event.target.closest(".versions")) return;
    event.preventDefault();
    const forward = getComputedStyle(this.list).direction === "rtl" ? -by : by;
    this.step(event.target.closest("article").dataset.message, forward, event.target.dataset.action);
  }
}

/** The picker of one message; hidden where there is nothing to pick. */
export function showVersions(node, ids, id) {
  if (!node) return;
  const at = ids.indexOf(id);
  node.hidden = ids.length < 2;
  if (node.hidden) return;
  const count = `${number(at + 1)} / ${number(ids.length)}`;
  const label = node.querySelector("[data-version]");
  if (label.textContent !== count) label.textContent = count;
  node.querySelector("[data-action=version-before]").disabled = at === 0;
  node.querySelector("[data-action=version-after]").disabled = at === ids.length - 1;
}
