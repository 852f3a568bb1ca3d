// The conversation in the page: turns changes of the log into as few touches of the DOM as there are frames to show.

import { MessageView } from "./message.js";
import { Pending } from "./pending.js";

const HIDDEN_EVERY = 200; // ms; a hidden tab gets no animation frames
const REPLAY_SHOWN = 1_000;

export class RoomView {
  #views = new Map();
  #away = new Map(); // views of messages on branches that are not shown
  #rendered = new Map(); // by message and part, what is rendered of messages that were never shown: {from, to, html}
  #path = []; // ids of the messages that stand here
  #queue = [];
  #scheduled = false;
  #replay = null;

  /** `log()` and `stopping(id)` are asked when drawing. */
  constructor({ log, me, model, stopping, follow, ondrawn = () => {} }) {
    Object.assign(this, { log, me, model, stopping, follow, ondrawn });
    this.list = document.getElementById("messages");
    this.empty = document.getElementById("empty");
    this.earlier = document.getElementById("earlier");
    this.pending = new Pending({ list: this.list, me, onchange: () => this.#schedule() });
    document.addEventListener("visibilitychange", () => document.hidden && this.#flush());
  }

  /** Take over what the server rendered. Where a node's text is not the log's, the log is right. */
  hydrate() {
    for (const node of this.list.children) {
      const view = new MessageView(node);
      if (view.article.dataset.message) this.#views.set(view.article.dataset.message, view);
    }
    this.#reset();
    this.#finish();
  }

  /** A replay (`live` is false) is drawn in one step: when it is over, or after a second. */
  /** What is rendered of messages that are not on the page yet. */
  store(bodies) {
    for (const body of bodies) this.#render({ part: "text", ...body, id: body.message });
  }

  changes(list, live = true) {
    this.#queue.push(...list);
    if (live) this.#schedule();
    else this.#replay ??= setTimeout(() => this.level(), REPLAY_SHOWN);
  }

  /** What was missed is here. */
  level() {
    clearTimeout(this.#replay);
    this.#replay = null;
    if (this.#queue.length) this.#schedule();
  }

  /** Draw one message's header again, its state having changed on this side. */
  touch(id) {
    this.changes([{ kind: "touched", id }]);
  }

  prepend(messages) {
    const anchor = this.list.firstElementChild;
    const shown = new Set(this.log().shown);
    const visible = messages.filter((message) => shown.has(message));
    this.follow.keepPlace(anchor, () => {
      const nodes = visible.map((message) => (this.#views.get(message.id) ?? this.#make(message)).node);
      this.list.prepend(...nodes);
      this.#everyName(); // other versions of what stands here may have come
      this.#showEarlier();
    });
    this.#notePath();
    return visible.length;
  }

  /** Who wrote a message, and when, in the words that stand over it. */
  bylineOf(id) {
    const { author, time } = this.#views.get(id).parts;
    return `${author.textContent} · ${time.textContent}`;
  }

  /** The Markdown that is drawn of a message. */
  drawnOf(id) {
    return this.#views.get(id)?.text ?? "";
  }

  textOf(id) {
    return this.log().message(id)?.text ?? "";
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const flush = () => this.#scheduled && this.#flush();
    // The timer is there for frames that are throttled away: a frame outside of the view, a window that is covered.
    setTimeout(flush, HIDDEN_EVERY);
    if (!document.hidden) requestAnimationFrame(flush);
  }

  #flush() {
    this.#scheduled = false;
    const changes = this.#queue;
    this.#queue = [];
    // A reset draws the log as it is now, with all that was queued before and behind it.
    const anew = changes.some(({ kind }) => kind === "reset") || this.#isElsewhere(changes);
    if (anew) this.#reset();
    else this.#apply(changes);
    this.pending.draw(this.log(), anew);
    this.#finish();
  }

  /** Whether everybody is shown another branch now than the one that stands here. */
  #isElsewhere(changes) {
    const log = this.log();
    if (!log.holdsTip || !changes.some(({ kind }) => kind === "opened" || kind === "room")) return false;
    const { shown } = log;
    return this.#path.some((id, at) => shown[at]?.id !== id);
  }

  #notePath() {
    this.#path = this.log().shown.map(({ id }) => id);
  }

  #apply(changes) {
    const texts = new Map();
    const rendered = [];
    const touched = new Set();
    let opened = 0;
    for (const change of changes) {
      if (change.kind === "opened") {
        opened += this.#open(change) ? 1 : 0;
        touched.add(change.id);
      } else if (change.kind === "appended") {
        const key = `${change.id} ${change.part}`;
        const entry = texts.get(key) ?? { id: change.id, part: change.part, pieces: [] };
        entry.pieces.push(change.text);
        texts.set(key, entry);
      } else if (change.kind === "rendered") {
        rendered.push(change);
      } else if (change.kind === "member") {
        this.#everyName();
      } else if (change.id) {
        touched.add(change.id);
      }
      if (change.kind === "closed") this.#touchWaiting(touched);
    }
    this.#appendTexts(texts, touched);
    for (const change of rendered) this.#render(change);
    for (const id of touched) this.#describe(id);
    if (opened) this.#notePath();
    this.follow.arrived(opened);
  }

  /** An answer has ended: those that wait for one may wait no more. */
  #touchWaiting(touched) {
    for (const { id, status } of this.log().shown) if (status === "queued") touched.add(id);
  }

  #appendTexts(texts, touched) {
    for (const { id, part, pieces } of texts.values()) {
      const view = this.#views.get(id) ?? this.#away.get(id);
      if (!view) continue;
      if (part === "text" && view.prose.text.isEmpty) touched.add(id); // from "thinking" to "writing"
      view.append(part, pieces.join(""));
    }
  }

  #render(change) {
    const view = this.#views.get(change.id) ?? this.#away.get(change.id);
    if (view) return view.render(change);
    const key = `${change.id} ${change.part}`;
    const before = this.#rendered.get(key);
    if (change.from === 0) this.#rendered.set(key, change);
    else if (before?.to === change.from) this.#rendered.set(key, { ...change, from: 0, html: before.html + change.html });
    return undefined;
  }

  #reset() {
    const messages = this.log().shown;
    const kept = new Set(messages.map((message) => message.id));
    for (const [id, view] of this.#views) {
      if (kept.has(id)) continue;
      view.node.remove();
      this.#views.delete(id);
      if (this.log().message(id)) this.#away.set(id, view);
    }
    let next = this.list.firstElementChild;
    for (const message of messages) {
      const view = this.#views.get(message.id) ?? this.#adopt(message) ?? this.#make(message);
      view.show(message);
      view.describe(message, this.#names(message.id));
      if (view.node === next) next = next.nextElementSibling;
      else this.list.insertBefore(view.node, next);
    }
    this.#notePath();
  }

  /** A message appeared, with the text that it had then: what it got since is in the queue behind. */
  #open({ id, text, reasoning }) {
    const message = this.log().message(id);
    if (!message || this.#views.has(id)) return false;
    const view = this.#adopt(message) ?? this.#make({ ...message, text, reasoning });
    this.list.insertBefore(view.node, this.pending.firstNode);
    return true;
  }

  #make(message) {
    const view = this.#away.get(message.id) ?? MessageView.blank();
    this.#away.delete(message.id);
    this.#views.set(message.id, view);
    view.show(message);
    for (const key of [`${message.id} text`, `${message.id} reasoning`]) {
      if (this.#rendered.has(key)) view.render(this.#rendered.get(key));
      this.#rendered.delete(key);
    }
    view.describe(message, this.#names(message.id));
    return view;
  }

  /** The node that showed this message while it was in our outbox. */
  #adopt(message) {
    const view = this.pending.adopt(message);
    if (!view) return null;
    this.#views.set(message.id, view);
    view.show(message);
    return view;
  }

  #names(id) {
    const log = this.log();
    const message = log.message(id);
    return {
      me: this.me.id,
      members: log.state.members,
      model: this.model,
      stopping: this.stopping(id),
      asker: log.askerOf(message),
      versions: log.versions(message),
      waits: log.waits(message),
    };
  }

  #describe(id) {
    const message = this.log().message(id);
    const view = this.#views.get(id);
    if (message && view) view.describe(message, this.#names(id));
  }

  #everyName() {
    for (const id of this.#views.keys()) this.#describe(id);
  }

  #showEarlier() {
    this.earlier.hidden = !this.log().earlier;
  }

  #finish() {
    this.empty.hidden = this.list.childElementCount > 0;
    this.#showEarlier();
    this.follow.settle();
    this.ondrawn();
  }
}
