// What this tab holds of the room's log: applies frames in order, notices gaps and differences. Pure: no DOM, no clock.
// `fold` is the twin of rooms/fold.py; tests/vectors holds them equal.

import { digest } from "./digest.js";

const TERMINAL = new Set(["complete", "stopped", "incomplete", "failed", "interrupted"]);

export const isTerminal = (message) => TERMINAL.has(message.status);

export const emptyState = () => ({ room: {}, members: {}, messages: [] });

/** The sequence in a cursor token. The rest of the token is the server's own business. */
export const sequenceOf = (cursor) => Number.parseInt(cursor, 10) || 0;

const indexOf = (state) => new Map(state.messages.map((message) => [message.id, message]));

/** Apply items in order, in place. What a message already contains, or what concerns no held message, changes nothing. */
export function fold(state, items, held = indexOf(state)) {
  for (const item of items) KINDS[item.kind]?.(state, item, held);
  return state;
}

const KINDS = {
  __proto__: null, // a kind named "constructor" is unknown like any other
  opened(state, item, held) {
    if (held.has(item.message.id)) return;
    const message = { ...item.message, seq: item.seq };
    held.set(message.id, message);
    state.messages.push(message);
    state.room.tip = message.id;
  },
  member(state, { member }) {
    state.members[member.id] = { name: member.name, color: member.color, role: member.role, ...(member.removed && { removed: true }) };
  },
  room(state, { seq, at, kind, chosen, ...changes }) {
    Object.assign(state.room, changes, { chosen: { ...state.room.chosen, ...chosen } });
  },
  started: ofMessage((message, item) => {
    message.status = "streaming";
    message.model = item.model;
  }),
  appended: ofMessage((message, item) => {
    message[item.part] = (message[item.part] ?? "") + item.text;
    if (item.part === "text") message.digest = digest(item.text, message.digest);
  }),
  closed: ofMessage((message, item) => {
    for (const key of ["status", "digest", "usage", "failure", "by"]) {
      if (key in item) message[key] = item[key];
    }
    message.closed_at = item.at;
  }),
};

function ofMessage(change) {
  return (state, item, held) => {
    const message = held.get(item.message);
    if (!message || item.seq <= message.seq) return;
    change(message, item);
    message.seq = item.seq;
  };
}

/** What everybody is shown: the room's tip and what it follows, as far as it is held, oldest first. */
export function shown(state, held = indexOf(state)) {
  if (state.room.tip === undefined) return state.messages; // nothing has said so yet
  const path = [];
  for (let message = held.get(state.room.tip); message; message = held.get(message.parent)) path.push(message);
  return path.reverse();
}

/** The messages that follow the same one as this does, itself among them, oldest first, as far as they are held. */
export function versions(state, message) {
  return state.messages.filter((other) => other.parent === message.parent).map((other) => other.id);
}

/** Whether an answer is queued for as long as one before it has not ended, as far as those are held. */
export function waits(state, message, held = indexOf(state)) {
  let before = message.status === "queued" ? held.get(message.parent) : undefined;
  while (before && isTerminal(before)) before = held.get(before.parent);
  return Boolean(before);
}

const KNOWN_FRAMES = new Set(["welcome", "snapshot", "deltas", "synced", "receipt", "rendered", "rendered_part", "presence", "error", "bye"]);

/** What came of a frame: `changes` for the view, and what the tab has to do about it. */
const outcome = (more = {}) => ({ changes: [], applied: 0, gap: false, level: false, mismatch: [], ...more });

export class RoomLog {
  duplicates = 0;
  unknown = 0;

  constructor(snapshot = { cursor: "", ...emptyState() }) {
    this.load(snapshot);
  }

  get messages() {
    return this.state.messages;
  }

  /** The branch that everybody is shown. */
  get shown() {
    return shown(this.state, this.held);
  }

  /** False where everybody is shown a branch that this tab does not hold. */
  get holdsTip() {
    return !this.state.room.tip || this.held.has(this.state.room.tip);
  }

  versions(message) {
    return versions(this.state, message);
  }

  waits(message) {
    return waits(this.state, message, this.held);
  }

  get lastAnswer() {
    return this.shown.findLast((message) => message.role === "assistant");
  }

  message(id) {
    return this.held.get(id);
  }

  /** Who asked for an answer: a first one is asked for with its question. Undefined where that is not held. */
  askerOf(answer) {
    return answer.asker ?? this.held.get(answer.parent)?.author;
  }

  /** Forget everything; this is the state now. Names the messages whose text is not what their digest says. */
  load({ cursor, room, members, messages, earlier = null }) {
    this.state = { room: { ...room }, members: { ...members }, messages: messages.map((message) => ({ ...message })) };
    this.held = indexOf(this.state);
    this.cursor = cursor;
    this.seq = sequenceOf(cursor);
    this.earlier = earlier;
    this.gapped = false;
    return this.messages.filter((message) => digest(message.text ?? "") !== message.digest).map((message) => message.id);
  }

  /**
   * A page of older messages, in front of those held; an old one that is still open is held already, and takes its place
   * among them. Returns the page as it stands now, oldest first.
   */
  prepend({ messages, earlier = null }) {
    const page = messages.map((message) => this.held.get(message.id) ?? { ...message });
    const inPage = new Set(page);
    this.state.messages = [...page, ...this.state.messages.filter((message) => !inPage.has(message))];
    for (const message of page) this.held.set(message.id, message);
    this.earlier = earlier;
    return page;
  }

  receive(frame) {
    if (frame.type === "deltas") return this.#deltas(frame);
    if (frame.type === "synced") return this.#synced(frame);
    if (frame.type === "snapshot") return this.#snapshot(frame);
    if (frame.type === "rendered" || frame.type === "rendered_part") return this.#rendered(frame);
    if (!KNOWN_FRAMES.has(frame.type)) this.unknown++;
    return outcome();
  }

  #snapshot(frame) {
    const before = this.seq;
    const mismatch = this.load(frame);
    return outcome({ changes: [{ kind: "reset" }], applied: Math.max(0, this.seq - before), mismatch });
  }

  #deltas({ items, cursor }) {
    const fresh = items.filter((item) => item.seq > this.seq);
    this.duplicates += items.length - fresh.length;
    if (!fresh.length) return outcome();
    // All or nothing: the token belongs to the last item, so a cursor in the middle of a frame could not be named.
    if (fresh.some((item, index) => item.seq !== this.seq + 1 + index)) {
      this.gapped = true;
      return outcome({ gap: true });
    }
    const changes = [];
    const mismatch = [];
    for (const item of fresh) {
      if (!(item.kind in KINDS)) this.unknown++;
      if (this.#differs(item)) mismatch.push(item.message);
      const change = this.#change(item);
      if (change) changes.push(change);
      fold(this.state, [item], this.held);
    }
    this.seq = fresh.at(-1).seq;
    this.cursor = cursor;
    this.gapped = false;
    return outcome({ changes, applied: fresh.length, mismatch });
  }

  /** Derived from the text, and no part of the state: for the view only, where it has that text. */
  #rendered({ message, part = "text", from, to, html }) {
    const holds = (this.held.get(message)?.[part] ?? "").length >= to;
    return outcome({ changes: holds ? [{ kind: "rendered", id: message, part, from, to, html }] : [] });
  }

  #synced({ cursor, digests = {} }) {
    if (cursor !== this.cursor) {
      const gap = sequenceOf(cursor) > this.seq;
      this.gapped ||= gap;
      return outcome({ gap });
    }
    const mismatch = Object.keys(digests).filter((id) => this.held.has(id) && this.held.get(id).digest !== digests[id]);
    return outcome({ level: true, mismatch });
  }

  #differs(item) {
    const message = item.kind === "closed" && this.held.get(item.message);
    return Boolean(message) && item.seq > message.seq && item.digest !== message.digest;
  }

  #change(item) {
    if (item.kind === "opened") {
      const { id, text, reasoning } = item.message;
      return this.held.has(id) ? null : { kind: "opened", id, text, reasoning };
    }
    if (item.kind === "member" || item.kind === "room") return { kind: item.kind };
    const message = item.kind in KINDS && this.held.get(item.message);
    if (!message || item.seq <= message.seq) return null;
    if (item.kind === "appended") return { kind: "appended", id: item.message, part: item.part, text: item.text };
    return { kind: item.kind, id: item.message };
  }
}

