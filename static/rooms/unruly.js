// A wire that misbehaves on purpose, for the page that shows what a tab does about it: frames lost, doubled, out of order,
// late. It stands where the browser's WebSocket stands; nothing above it knows.

import { open as openWebSocket } from "./socket.js";

const SWAP_WAIT = 250; // a frame that waits for its successor does not wait for ever
const SLOW_GAP = 400; // between two frames of a slow wire
const DELTAS = '{"type":"deltas"'; // the frames that come from broadcasts, which are what can change places

export class Unruly {
  twice = false;
  swap = false;
  slow = false;
  lost = 0; // frames, in all
  #deafUntil = 0;

  constructor({ create = openWebSocket, now = () => Date.now() } = {}) {
    this.create = create;
    this.now = now;
  }

  /** Everything that comes within so many milliseconds is lost, without a word. */
  deafen(ms) {
    this.#deafUntil = this.now() + ms;
  }

  get isDeaf() {
    return this.now() < this.#deafUntil;
  }

  open = (url) => new UnrulySocket(this.create(url), this);
}

/** As much of a WebSocket as RoomSocket uses. */
class UnrulySocket {
  onmessage = null;
  onclose = null;
  #held = null;
  #queue = [];
  #timers = new Set();

  constructor(socket, wire) {
    this.socket = socket;
    this.wire = wire;
    socket.onmessage = ({ data }) => this.#arrive(data);
    socket.onclose = (event) => {
      this.#forget();
      this.onclose?.(event);
    };
  }

  get readyState() {
    return this.socket.readyState;
  }

  send(data) {
    this.socket.send(data);
  }

  close(code) {
    this.#forget();
    this.socket.close(code);
  }

  #arrive(data) {
    const { wire } = this;
    if (wire.isDeaf) {
      wire.lost++;
      return;
    }
    if (wire.slow || this.#queue.length) this.#queueUp(data);
    else this.#reorder(data);
  }

  #queueUp(data) {
    this.#queue.push(data);
    if (this.#queue.length === 1) this.#later(SLOW_GAP, this.#next);
  }

  #next = () => {
    this.#reorder(this.#queue.shift());
    if (this.#queue.length) this.#later(this.wire.slow ? SLOW_GAP : 0, this.#next);
  };

  #reorder(data) {
    const held = this.#held;
    this.#held = null;
    if (held === null && this.wire.swap && data.startsWith(DELTAS)) {
      this.#held = data;
      this.#later(SWAP_WAIT, () => this.#held === data && this.#release());
      return;
    }
    this.#deliver(data);
    if (held !== null) this.#deliver(held);
  }

  #release() {
    const held = this.#held;
    this.#held = null;
    this.#deliver(held);
  }

  #deliver(data) {
    for (let times = this.wire.twice ? 2 : 1; times > 0; times--) this.onmessage?.({ data });
  }

  #later(ms, action) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }

  #forget() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#queue = [];
    this.#held = null;
  }
}
