// Follows the end of the log as it grows, and never fights the reader: who scrolls up stays where they are.

import { setText } from "./message.js";
import { word } from "./words.js";

const AT_END = 60;
const JUMP_FROM = 200;
const UP = 3;

export class Follow {
  #written = null; // the scrollTop that we set; any other movement is the reader's
  #last = 0;
  #fresh = 0;

  constructor({ scroller, content, jump }) {
    Object.assign(this, { scroller, jump, pinned: true });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    jump.addEventListener("click", () => this.pin(true));
    const observer = new ResizeObserver(() => this.settle());
    observer.observe(content);
    observer.observe(scroller);
  }

  get #distance() {
    return this.scroller.scrollHeight - this.scroller.clientHeight - this.scroller.scrollTop;
  }

  /** To the end, and stay there. */
  pin(glide = false) {
    this.#setPinned(true);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden;
    if (glide && !calm && this.#distance < 4 * this.scroller.clientHeight) {
      this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: "smooth" });
    } else {
      this.settle();
    }
  }

  /** Stay here, whatever is written at the end. */
  release() {
    this.#setPinned(false);
  }

  /** After the content changed. */
  settle() {
    if (this.pinned) this.#write(this.scroller.scrollHeight - this.scroller.clientHeight);
    this.#showJump();
  }

  /** New messages arrived while the reader is further up. */
  arrived(count) {
    if (this.pinned) return;
    this.#fresh += count;
    this.#showJump();
  }

  /** Runs `change`, which puts content above what the reader sees, and keeps that where it is. */
  keepPlace(anchor, change) {
    this.scroller.removeAttribute("data-reading"); // else the browser's own anchoring would correct a second time
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (anchor) this.#write(this.scroller.scrollTop + anchor.getBoundingClientRect().top - before);
    requestAnimationFrame(() => this.scroller.toggleAttribute("data-reading", !this.pinned));
  }

  #write(top) {
    this.scroller.scrollTop = top;
    this.#written = this.#last = this.scroller.scrollTop;
  }

  #scrolled() {
    const top = this.scroller.scrollTop;
    const own = this.#written !== null && Math.abs(top - this.#written) < 1;
    if (!own) {
      if (this.#distance < AT_END && top >= this.#last) this.#setPinned(true);
      else if (this.#last - top > UP && this.#distance > 1) this.#setPinned(false);
    }
    this.#last = top;
    this.#showJump();
  }

  #setPinned(pinned) {
    if (pinned) this.#fresh = 0;
    this.pinned = pinned;
    this.scroller.toggleAttribute("data-reading", !pinned);
  }

  #showJump() {
    const distance = this.#distance;
    if (this.pinned || distance < AT_END) this.jump.hidden = true;
    else if (distance > JUMP_FROM || this.#fresh) this.jump.hidden = false;
    const label = this.#fresh ? word("jump", { n: this.#fresh }) : word("jump");
    setText(this.jump.querySelector("[data-part=label]"), label);
  }
}
