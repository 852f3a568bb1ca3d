// A tab's part in the room: log, socket, outbox and connection state, wired. No DOM.

import { Connection } from "./connection.js";
import { RoomLog, isTerminal } from "./log.js";
import { Obstacle } from "./obstacle.js";
import { Outbox, newClientId } from "./outbox.js";
import { RoomSocket } from "./socket.js";

const NOT_FOR_YOU = 4503; // no such room, or one is no member of it
const REPAIR_EVERY = 1_000;
const TYPING_EVERY = 3_000;

export class RoomSession {
  desyncs = 0;
  repairs = 0; // gaps that were noticed, and filled from the log
  #dropped = false; // the cursor, after a difference: the next connect asks for a snapshot
  #repairAgain = false;
  #repairTimer = null;
  #stops = new Set();
  #isAway = false;
  #typed = null;

  /** `on`: changes(list, live), connection(view), outbox(items), refused(error frame), presence(frame), other(me),
   *  gone(code). `ask()` the server what is in the way of a socket. */
  constructor({ config, snapshot, url, storage, on, ask = async () => null, socket = {} }) {
    this.on = on;
    this.config = config;
    this.log = new RoomLog();
    if (this.log.load(snapshot).length) this.#differed();
    this.connection = new Connection({ onchange: on.connection, online: globalThis.navigator?.onLine ?? true });
    this.obstacle = new Obstacle({ ask, onfound: (found) => this.connection.obstacle(found) });
    this.socket = new RoomSocket({
      url: `${url}?tab=${newClientId()}`,
      away: () => this.#isAway,
      cursor: () => (this.#dropped ? "" : this.log.cursor),
      heartbeat: config.heartbeat,
      onframe: (frame) => this.#receive(frame),
      onphase: (phase, details) => this.#phase(phase, details),
      ondoubt: (since) => this.connection.doubt(since),
      ...socket,
    });
    this.outbox = new Outbox({
      storage,
      key: `chatlab.outbox.${config.room}.${config.me.id}.${config.tab}`,
      transmit: (frame) => this.socket.send(frame),
      onchange: on.outbox,
      onsuspect: () => this.socket.check(),
    });
  }

  start() {
    this.socket.connect();
  }

  /** `more.parent` makes it a branch. */
  post(text, more = {}) {
    return this.outbox.add({ type: "post", text, ...more });
  }

  again(type, message) {
    return this.outbox.add({ type, message });
  }

  /** Stops are not queued behind messages; one that could not be sent is said again with the next socket. */
  stop(message) {
    this.#stops.add(message);
    this.socket.send({ type: "stop", message });
  }

  /** Something is being written here; told at most every few seconds, and only while there is somebody to tell. */
  typing() {
    if (this.#typed || !this.socket.send({ type: "typing" })) return;
    this.#typed = setTimeout(() => (this.#typed = null), TYPING_EVERY);
  }

  /** Somebody looks at this tab, or nobody does. */
  look(yes) {
    this.#isAway = !yes;
    if (yes) this.socket.check();
    else this.socket.sync();
  }

  isStopping(message) {
    return this.#stops.has(message);
  }

  state() {
    const answer = this.log.lastAnswer;
    return {
      state: this.connection.state,
      cursor: this.log.cursor,
      messages: this.log.messages.length,
      length: answer?.text.length ?? 0,
      digest: answer?.digest ?? "00000000",
      outbox: this.outbox.items.length,
      answering: this.log.messages.filter((message) => message.role === "assistant" && !isTerminal(message)).length,
      duplicates: this.log.duplicates,
      repairs: this.repairs,
      desyncs: this.desyncs,
    };
  }

  #phase(phase, details) {
    if (phase !== "open") this.outbox.lost();
    if (phase === "gone" && details.code === NOT_FOR_YOU) this.outbox.over();
    this.connection.phase(phase, details);
    if (phase === "gone") this.on.gone?.(details.code);
    if (phase === "down") this.obstacle.failed(details.failed);
  }

  #receive(frame) {
    const live = this.connection.facts.phase === "level";
    const { changes, applied, gap, level, mismatch } = this.log.receive(frame);
    if (frame.type === "snapshot") this.#dropped = false;
    if (frame.type === "welcome") this.#welcomed(frame);
    else if (frame.type === "presence") this.on.presence?.(frame);
    else if (frame.type === "receipt") this.outbox.receipt(frame.client_id);
    else if (frame.type === "error") this.#refused(frame);
    if (applied) this.connection.applied(applied);
    if (changes.length) {
      for (const { kind, id } of changes) if (kind === "closed") this.#stops.delete(id);
      this.on.changes(changes, live);
    }
    if (mismatch.length) this.#desync();
    else if (gap) this.#repair();
    else if (!this.log.holdsTip && !this.#dropped) this.#forget();
    else if (level) this.connection.phase("level");
  }

  #welcomed({ me, version }) {
    if (me && (me.id !== this.config.me.id || me.may_ask !== this.config.me.may_ask)) {
      this.on.other?.(me); // what waits in the outbox was written by somebody else
      return;
    }
    if (version !== this.config.version) this.on.newer?.(version);
    this.outbox.opened();
    for (const id of this.#stops) {
      const message = this.log.message(id);
      if (message && !isTerminal(message)) this.socket.send({ type: "stop", message: id });
      else this.#stops.delete(id);
    }
  }

  #refused(frame) {
    if (frame.client_id) this.outbox.refused(frame);
    this.on.refused?.(frame);
  }

  /** Asked at most once a second: a repair that is itself lost is asked for again by whatever comes next. */
  #repair() {
    if (this.#repairTimer) {
      this.#repairAgain = true;
      return;
    }
    this.#repairAgain = false;
    this.repairs++;
    this.socket.sync(true);
    this.#repairTimer = setTimeout(() => {
      this.#repairTimer = null;
      if (this.#repairAgain && this.log.gapped) this.#repair();
    }, REPAIR_EVERY);
  }

  /** The text is not what the server holds. Must never happen; if it does, forget all and take it anew. */
  #desync() {
    this.#differed();
    this.socket.restart();
  }

  /** What is shown now is not held here: a snapshot has it. */
  #forget() {
    this.#dropped = true;
    this.socket.restart();
  }

  #differed() {
    this.desyncs++;
    this.#dropped = true;
  }
}
