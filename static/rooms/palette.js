// The palette: rooms, commands, and what a search finds, in one list that is walked with the arrow keys.

import { composes } from "./keys.js";
import { at } from "./place.js";

const ASK_AFTER = 200;
const SHORTEST = 2; // characters that the server looks for
const ROOMS_SHOWN = 8;

export class Palette {
  #rooms = [];
  #found = { words: "", rooms: [], messages: [] };
  #refusal = "";
  #options = [];
  #at = 0;
  #timer = null;
  #asking = null;

  /** `run(command, argument)`; `has(command)`: commands that the page does not have are not offered. */
  constructor({ run, has }) {
    this.dialog = document.getElementById("palette");
    if (!this.dialog) return;
    this.run = run;
    this.box = document.getElementById("palette-box");
    this.list = document.getElementById("palette-list");
    this.none = document.getElementById("palette-none");
    this.nothing = this.none.textContent;
    const { content } = document.getElementById("palette-words");
    this.groups = Object.fromEntries(Array.from(content.querySelectorAll("[data-group]"), (node) => [node.dataset.group, node.textContent]));
    this.refusals = Object.fromEntries(Array.from(content.querySelectorAll("[data-refusal]"), (node) => [node.dataset.refusal, node.textContent]));
    this.untitled = content.querySelector("[data-untitled]").textContent;
    this.commands = Array.from(content.querySelectorAll("[data-command]"), (node) => ({ label: node.textContent, ...node.dataset })).filter(
      ({ command }) => has(command),
    );
    this.box.addEventListener("input", () => this.#typed());
    this.box.addEventListener("keydown", (event) => this.#pressed(event));
    this.list.addEventListener("click", (event) => this.#choose(event.target.closest("[role=option]")));
    this.list.addEventListener("pointermove", (event) => this.#mark(this.#options.findIndex(({ node }) => node.contains(event.target))));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
  }

  /** True where there is one. */
  toggle() {
    if (!this.dialog) return false;
    if (this.dialog.open) this.dialog.close();
    else if (!document.querySelector("dialog[open]")) this.#open();
    return true;
  }

  #open() {
    this.box.value = "";
    this.#refusal = "";
    this.#found = { words: "", rooms: [], messages: [] };
    this.dialog.showModal();
    this.#draw();
    this.#ask("api/rooms").then((body) => {
      if (!body?.rooms) return;
      this.#rooms = body.rooms;
      this.#draw();
    });
  }

  get #words() {
    return this.box.value.trim().toLowerCase();
  }

  #typed() {
    this.#at = 0;
    this.#refusal = "";
    this.#draw();
    clearTimeout(this.#timer);
    const words = this.#words;
    if (words.length < SHORTEST) return;
    this.#timer = setTimeout(async () => {
      const body = await this.#ask(`api/search?q=${encodeURIComponent(words)}`);
      if (!body || words !== this.#words) return;
      if (body.code) this.#refusal = this.refusals[body.code] ?? body.detail;
      else this.#found = { words, ...body };
      this.#draw();
    }, ASK_AFTER);
  }

  async #ask(path) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    try {
      const response = await fetch(at(path), { headers: { Accept: "application/json" }, signal: asking.signal });
      return await response.json();
    } catch {
      return null; // offline, asked again, or no answer of ours: what is here is shown
    }
  }

  #draw() {
    const words = this.#words;
    const fits = (text) => text.toLowerCase().includes(words);
    const found = this.#found.words === words ? this.#found : { rooms: [], messages: [] };
    const known = this.#rooms.filter(({ title }) => fits(title || this.untitled)).slice(0, ROOMS_SHOWN);
    const more = found.rooms.filter(({ id }) => !known.some((room) => room.id === id));
    this.#options = [];
    this.list.replaceChildren(
      ...this.#group("rooms", [...known, ...more].map((room) => this.#option([room.title || this.untitled], { command: "open", url: room.url }))),
      ...this.#group("actions", this.commands.filter(({ label }) => fits(label)).map((command) => this.#option([command.label], command, command.keys))),
      ...this.#group("messages", found.messages.map((said) =>
        this.#option(said.excerpt, { command: "open", url: `${said.room.url}#m-${said.message}` }, null, said.room.title || this.untitled))),
    );
    this.none.textContent = this.#refusal || this.nothing;
    this.none.hidden = this.#options.length > 0 && !this.#refusal;
    this.#mark(Math.min(this.#at, this.#options.length - 1));
  }

  #group(name, nodes) {
    if (!nodes.length) return [];
    const group = document.createElement("div");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", this.groups[name]);
    const heading = document.createElement("p");
    heading.className = "palette-group";
    heading.setAttribute("aria-hidden", "true");
    heading.textContent = this.groups[name];
    group.append(heading, ...nodes);
    return [group];
  }

  /** `text` is [label], or [before, found, after]: what was found is marked, as text. */
  #option(text, action, keys, where) {
    const node = document.createElement("div");
    node.setAttribute("role", "option");
    node.id = `option-${this.#options.length}`;
    const label = node.appendChild(document.createElement("span"));
    label.className = "palette-label";
    label.dir = "auto";
    text.forEach((piece, index) => {
      const part = index === 1 ? document.createElement("mark") : document.createElement("span");
      part.textContent = piece;
      label.append(part);
    });
    if (where) {
      const place = node.appendChild(document.createElement("span"));
      place.className = "palette-where";
      place.textContent = where;
    }
    if (keys) {
      const hint = node.appendChild(document.createElement("span"));
      hint.className = "palette-keys";
      for (const key of keys.split(" ")) hint.appendChild(document.createElement("kbd")).textContent = key;
    }
    this.#options.push({ node, action });
    return node;
  }

  #mark(at) {
    if (at < 0 && this.#options.length) return;
    this.#at = Math.max(at, 0);
    this.#options.forEach(({ node }, index) => node.setAttribute("aria-selected", String(index === this.#at)));
    const current = this.#options[this.#at]?.node;
    if (current) this.box.setAttribute("aria-activedescendant", current.id);
    else this.box.removeAttribute("aria-activedescendant");
    current?.scrollIntoView({ block: "nearest" });
  }

  #pressed(event) {
    if (composes(event)) return;
    const count = this.#options.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (count) this.#mark((this.#at + (event.key === "ArrowDown" ? 1 : count - 1)) % count);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#choose(this.#options[this.#at]?.node);
    }
  }

  #choose(node) {
    const chosen = this.#options.find((option) => option.node === node);
    if (!chosen) return;
    this.dialog.close();
    this.run(chosen.action.command, chosen.action.url);
  }
}
