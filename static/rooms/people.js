// People: avatars in the header, the list behind them, and one's own name, which one can change there.

import { setText } from "./message.js";
import { NOBODY, initial, peopleHere } from "./presence.js";
import { Rail } from "./rail.js";
import { refusalOf } from "./reasons.js";
import { listed, number, word } from "./words.js";

const AVATARS = 4;

export class People {
  #frame = NOBODY;

  /** `log()` is asked when drawing; `ontyping(names)`; `onnamed(name)` after the server has taken a new one. */
  constructor({ log, me, api, ontyping, onnamed }) {
    Object.assign(this, { log, me, api, ontyping, onnamed });
    this.button = document.getElementById("people-button");
    this.avatars = this.button?.querySelector("[data-part=avatars]");
    this.panel = document.getElementById("people");
    this.list = document.getElementById("people-list");
    this.rail = new Rail(document.getElementById("rail"), { label: (mark) => describe(mark.name, [behind(mark)]) });
    this.form = document.getElementById("name-form");
    this.form?.addEventListener("submit", (event) => this.#submitted(event));
    this.panel?.addEventListener("toggle", ({ newState }) => newState === "open" && this.#opened());
    for (const opener of document.querySelectorAll("[data-action=people]")) opener.addEventListener("click", () => this.#open(opener));
  }

  /** A `presence` frame came. */
  here(frame) {
    this.#frame = { more: 0, ...frame };
    this.draw();
  }

  /** Also where only a name has changed. */
  draw() {
    const { log } = this;
    const { members } = log().state;
    const people = peopleHere(this.#frame, members, this.me.id);
    this.ontyping(people.filter(({ typing }) => typing).map(({ name }) => name));
    this.rail.show(people, log().earlier ? (log().messages[0]?.seq ?? 0) : 0);
    const mine = members[this.me.id] ?? this.me;
    for (const node of document.querySelectorAll("[data-my=name]")) setText(node, mine.name);
    for (const node of document.querySelectorAll("[data-my=initial]")) setText(node, initial(mine.name));
    if (this.button) this.#drawAvatars(people.length ? people : [{ ...mine, id: this.me.id, me: true, tabs: 1, away: false, cursors: [] }]);
  }

  #drawAvatars(people) {
    const rest = people.length - AVATARS + this.#frame.more;
    const shown = rest > 0 ? people.slice(0, AVATARS) : people;
    replace(this.avatars, [
      ...shown.map((person) => avatar(person)),
      ...(rest > 0 ? [element("span", "avatar more", `+${rest}`)] : []),
    ]);
    const names = people.map((person) => describe(person.name, [person.me && word("people.you"), tabs(person), person.away && word("people.away")]));
    setText(this.button.querySelector("[data-part=count]"), number(people.length + this.#frame.more));
    if (this.#frame.more) names.push(word("people.more", { n: this.#frame.more }));
    const label = word("people.here", { names: listed(names) });
    if (this.button.title !== label) {
      this.button.title = label;
      this.button.setAttribute("aria-label", label);
    }
    replace(this.list, people.map((person) => row(person)));
  }

  #open(opener) {
    opener.closest("dialog")?.close();
    this.panel.togglePopover(true);
    this.form.elements.name.select();
  }

  #opened() {
    this.form.elements.name.value = this.log().state.members[this.me.id]?.name ?? this.me.name;
    this.#note("");
  }

  async #submitted(event) {
    event.preventDefault();
    const name = this.form.elements.name.value.trim();
    if (!name) return;
    try {
      const response = await fetch(`${this.api}/members`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.form.elements.csrfmiddlewaretoken.value },
        body: JSON.stringify({ name }),
      });
      const body = await response.json();
      if (!response.ok) return this.#note(word("refused", { detail: refusalOf(body) }));
      this.panel.hidePopover();
      this.onnamed(body.me.name);
    } catch {
      this.#note(word("people.failed"));
    }
  }

  #note(text) {
    setText(document.getElementById("name-note"), text);
  }
}

function row(person) {
  const node = element("li", "person");
  const name = element("span", "person-name", person.name);
  name.dir = "auto";
  if (person.me) name.append(" ", element("span", "you", word("people.you")));
  const facts = [tabs(person), person.away && word("people.away"), person.typing && word("people.typing"), behind(person)];
  node.append(avatar(person), name, element("span", "person-facts", facts.filter(Boolean).join(" · ")));
  return node;
}

function avatar(person) {
  const node = element("span", "avatar", initial(person.name));
  node.dataset.color = person.color;
  node.toggleAttribute("data-away", person.away);
  node.setAttribute("aria-hidden", "true");
  return node;
}

const tabs = (person) => person.tabs > 1 && word("people.tabs", { n: person.tabs });
const behind = (person) => person.behind > 0 && word("people.behind", { n: person.behind });

function describe(name, facts) {
  const known = facts.filter(Boolean);
  return known.length ? `${name} (${known.join(", ")})` : name;
}

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

/** Only where something differs: an open list keeps its place, and nobody is told of a change that is none. */
function replace(parent, nodes) {
  const same = parent.childNodes.length === nodes.length && nodes.every((node, index) => node.isEqualNode(parent.childNodes[index]));
  if (!same) parent.replaceChildren(...nodes);
}
