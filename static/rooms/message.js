// One message in the page. Its header is textContent and attributes; its text is drawn by prose.js.

import { showVersions } from "./branches.js";
import { foldLong } from "./fold.js";
import { isTerminal } from "./log.js";
import { initial } from "./presence.js";
import { Prose } from "./prose.js";
import { failureOf } from "./reasons.js";
import { showTime } from "./times.js";
import { hasWord, word } from "./words.js";

export class MessageView {
  constructor(node) {
    this.node = node;
    this.article = node.querySelector("article");
    this.parts = {};
    this.prose = {};
    for (const part of this.article.querySelectorAll("[data-part]")) this.parts[part.dataset.part] = part;
  }

  static blank() {
    const { content } = document.getElementById("message");
    const view = new MessageView(document.importNode(content, true).querySelector("li"));
    view.article.classList.add("fresh");
    return view;
  }

  /** The text that is drawn. */
  get text() {
    return this.prose.text?.text ?? "";
  }

  /** Everything but the text of its parts. `names`: {me, members, model, stopping, asker, versions, waits}. */
  describe(message, names) {
    const { article, parts } = this;
    const author = names.members[message.author];
    article.id = `m-${message.id}`;
    article.dataset.message = message.id;
    article.dataset.status = message.status;
    article.toggleAttribute("data-mine", message.role === "user" && message.author === names.me);
    article.toggleAttribute("data-stopping", names.stopping && !isTerminal(message));
    if (message.role === "user") foldLong(article, message.text);
    article.toggleAttribute("data-waits", names.waits);
    delete article.dataset.pending;
    parts.author.id = `by-${message.id}`;
    article.setAttribute("aria-labelledby", parts.author.id);
    setText(parts.author, message.role === "assistant" ? message.model || names.model : (author?.name ?? word("somebody")));
    if (author) {
      parts.avatar.dataset.color = author.color;
      setText(parts.avatar, initial(author.name));
    }
    showTime(parts.time, message.at);
    setText(parts.meta, metaOf(message, names));
    article.toggleAttribute("data-versions", names.versions.length > 1);
    showVersions(parts.versions, names.versions, message.id);
    parts.stop.title = parts.stop.ariaLabel = stopLabel(names);
    setText(parts.note, noteOf(message, names));
    this.openLoneThought(message);
  }

  /** What the model thought is all that there is to see; whoever closes it has seen it. */
  openLoneThought(message) {
    if (this.opened || !isTerminal(message) || !message.reasoning || message.text.trim()) return;
    this.parts["reasoning-box"].open = this.opened = true;
  }

  /** An own message that is still in the outbox; its node later becomes the message's. */
  describePending(item, { text, me, members, note, state }) {
    const { article, parts } = this;
    article.dataset.client = item.client_id;
    article.dataset.role = "user";
    article.dataset.pending = state;
    article.setAttribute("data-mine", "");
    foldLong(article, text);
    setText(parts.author, members[me.id]?.name ?? me.name);
    parts.author.id = `by-${item.client_id}`;
    article.setAttribute("aria-labelledby", parts.author.id);
    parts.avatar.dataset.color = members[me.id]?.color ?? me.color;
    setText(parts.avatar, initial(members[me.id]?.name ?? me.name));
    this.setPart("text", text);
    setText(parts.note, note);
  }

  /** The text of its parts. */
  show(message) {
    this.article.dataset.role = message.role;
    this.setPart("text", message.text);
    this.setPart("reasoning", message.reasoning ?? "");
  }

  setPart(part, text) {
    if (this.prose[part]) this.prose[part].set(text);
    else this.prose[part] = new Prose(this.parts[part], text, this.article.dataset.role);
    if (part === "reasoning") this.parts["reasoning-box"].hidden = !text;
  }

  /** O(length of `text`), not of what is there already. */
  append(part, text) {
    this.prose[part].append(text);
    if (part === "reasoning") this.parts["reasoning-box"].hidden = false;
  }

  /** A `rendered` change. */
  render(change) {
    this.prose[change.part].render(change);
  }
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Several answers can run at once: each button says whose it ends. */
function stopLabel({ asker, me, members }) {
  return asker === me ? word("stop.mine") : word("stop.of", { name: members[asker]?.name ?? word("somebody") });
}

function metaOf(message, names) {
  if (message.role !== "assistant") return "";
  return [askedBy(message, names), ...progressOf(message, names)].filter(Boolean).join(" · ");
}

/** Of an answer that somebody wanted again, or to go on. */
function askedBy({ asker }, { me, members }) {
  if (!asker) return "";
  return asker === me ? word("meta.asker.me") : word("meta.asker", { name: members[asker]?.name ?? word("somebody") });
}

function progressOf(message, { stopping, waits }) {
  if (message.status === "queued") return [word(waits ? "meta.waits" : "meta.queued")];
  if (message.status === "streaming") {
    if (stopping) return [word("meta.stopping")];
    return [word(message.text ? "meta.writing" : "meta.thinking")];
  }
  const facts = [];
  const seconds = (new Date(message.closed_at) - new Date(message.at)) / 1000;
  if (seconds >= 0) facts.push(word("meta.seconds", { n: Math.round(seconds * 10) / 10 }));
  if (message.usage?.left_out) facts.push(word("meta.left-out"));
  if (message.usage?.output) facts.push(word("meta.tokens", { n: message.usage.output }));
  return facts;
}

function noteOf(message, { me, members }) {
  const detail = failureOf(message.failure);
  if (message.status === "stopped") {
    const after = message.text ? { n: message.text.length } : {};
    if (message.by && message.by === me) return word("note.stopped.me", after);
    const name = members[message.by]?.name;
    return name ? word("note.stopped.by", { name, ...after }) : word("note.stopped", after);
  }
  if (message.status === "interrupted") return word("note.interrupted", { detail }).replace(/ {2,}/g, " ");
  const key = `note.${message.status}`;
  return detail || (message.role === "assistant" && hasWord(key) ? word(key) : "");
}
