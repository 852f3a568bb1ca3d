// Own messages that are still in the outbox, at the end of the list, each with a word about why.

import { MessageView } from "./message.js";
import { refusalOf } from "./reasons.js";
import { hasWord, word } from "./words.js";

export class Pending {
  #views = new Map();
  #items = [];
  #discarded = new Set();
  #timer = null;

  constructor({ list, me, onchange }) {
    Object.assign(this, { list, me, onchange });
  }

  set(items) {
    this.#items = items;
    this.onchange();
  }

  discard(clientId) {
    this.#discarded.add(clientId);
    this.onchange();
  }

  /** The view of a message that was pending until now: the same node, so nothing jumps. */
  adopt(message) {
    if (message.author !== this.me.id || !message.client_id) return undefined;
    const view = this.#views.get(message.client_id);
    this.#views.delete(message.client_id);
    return view;
  }

  get firstNode() {
    for (const { node } of this.#views.values()) if (node.isConnected) return node;
    return null;
  }

  /** `anew`: the log was replaced, so what is neither in it nor in the outbox will not come any more. */
  draw(log, anew) {
    const posts = this.#posts(log);
    const wanted = new Set(posts.map((item) => item.client_id));
    for (const [clientId, view] of this.#views) {
      if (wanted.has(clientId)) continue;
      // With its receipt it stands in the log, and its row is on the way: the node stays for it.
      if (anew || this.#discarded.has(clientId)) this.#remove(clientId, view);
      else view.article.dataset.pending = "sent";
    }
    posts.forEach((item, index) => this.#show(item, index, log.state.members));
    this.list.toggleAttribute("data-paused", posts.length > 1 && posts[0].state === "failed");
    this.#countDown(posts);
  }

  #posts(log) {
    if (!this.#items.length) return [];
    const held = new Set(log.messages.map((message) => message.author === this.me.id && message.client_id));
    return this.#items.filter((item) => item.frame.type === "post" && !held.has(item.client_id));
  }

  #show(item, index, members) {
    let view = this.#views.get(item.client_id);
    if (!view) {
      view = MessageView.blank();
      this.#views.set(item.client_id, view);
      this.list.append(view.node);
    }
    view.describePending(item, { text: item.frame.text, me: this.me, members, ...stateOf(item, index) });
  }

  #remove(clientId, view) {
    view.node.remove();
    this.#views.delete(clientId);
    this.#discarded.delete(clientId);
  }

  #countDown(posts) {
    clearTimeout(this.#timer);
    if (posts.some((item) => item.retryAt > Date.now())) this.#timer = setTimeout(this.onchange, 1000);
  }
}

function stateOf(item, index) {
  if (item.state === "failed") return { state: "failed", note: hasWord(`pending.${item.code}`) ? word(`pending.${item.code}`) : word("pending.failed", { detail: refusalOf(item) }) };
  if (item.state === "sending") return { state: "sending", note: word("pending.sending") };
  if (index > 0) return { state: "paused", note: word("pending.paused") };
  const seconds = Math.ceil(((item.retryAt ?? 0) - Date.now()) / 1000);
  if (seconds > 0) return { state: "later", note: word("pending.later", { n: seconds }) };
  return { state: "waiting", note: word("pending.waiting") };
}
