// The list of the person's rooms, kept up to date: asked for now and then while somebody looks, since a tab hears only of its
// own room.

import { setText } from "./message.js";
import { at } from "./place.js";
import { word } from "./words.js";

const LOOK_EVERY = 20_000;
const DAY = 86_400_000;

export class Sidebar {
  #rows = new Map();
  #shown = "";
  #timer = null;

  constructor({ room }) {
    this.room = room;
    this.list = document.getElementById("room-list");
    if (!this.list) return;
    for (const link of this.list.querySelectorAll("[data-room]")) this.#rows.set(link.dataset.room, link.parentElement);
    document.addEventListener("visibilitychange", () => this.#look());
    addEventListener("focus", () => this.#look());
    this.reveal();
    this.#look();
  }

  /** The room of this page is in view, however long the list is. */
  reveal() {
    if (!this.#isInView) this.#rows.get(this.room)?.scrollIntoView({ block: "center" });
  }

  get #isInView() {
    const [list, row] = [this.list, this.#rows.get(this.room)].map((node) => node?.getBoundingClientRect());
    return Boolean(row) && row.top >= list.top && row.bottom <= list.bottom;
  }

  /** What this tab knows of its own room, at once. */
  current({ title, live }) {
    const row = this.#rows.get(this.room);
    if (row) this.#fill(row, { title, live });
  }

  async #look() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    this.#timer = setTimeout(() => this.#look(), LOOK_EVERY);
    try {
      const response = await fetch(at("api/rooms"), { headers: { Accept: "application/json" } });
      if (response.ok) this.#draw(await response.text());
    } catch {
      // Offline: the list stays as it was.
    }
  }

  #draw(text) {
    if (text === this.#shown) return;
    this.#shown = text;
    const groups = new Map();
    const add = (day, row) => groups.set(day, [...(groups.get(day) ?? []), row]);
    const { rooms } = JSON.parse(text);
    for (const room of rooms) add(dayOf(room.active_at), this.#row(room));
    // Only the newest are listed; the one that is open stays among them.
    const own = this.#rows.get(this.room);
    if (own && !rooms.some(({ id }) => id === this.room)) add("earlier", own);
    const wasInView = this.#isInView;
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    this.list.replaceChildren(...Array.from(groups, ([day, rows]) => section(word(`day.${day}`), rows)));
    focused?.focus({ preventScroll: true });
    if (wasInView) this.reveal();
  }

  #row(room) {
    const row = this.#rows.get(room.id) ?? this.#newRow(room);
    // Of its own room a tab knows more, and earlier.
    if (room.id !== this.room) this.#fill(row, room);
    return row;
  }

  #newRow(room) {
    const row = document.createElement("li");
    const link = row.appendChild(document.createElement("a"));
    link.href = room.url;
    link.dataset.room = room.id;
    const title = link.appendChild(document.createElement("span"));
    title.className = "room-title";
    title.dir = "auto";
    this.#rows.set(room.id, row);
    return row;
  }

  #fill(row, { title, live }) {
    setText(row.querySelector(".room-title"), title || word("untitled"));
    const dot = row.querySelector(".live-dot");
    if (live && !dot) row.firstElementChild.append(liveDot());
    else if (!live) dot?.remove();
  }
}

function section(title, rows) {
  const node = document.createElement("section");
  const list = document.createElement("ul");
  list.setAttribute("role", "list");
  list.append(...rows);
  node.appendChild(document.createElement("h2")).textContent = title;
  node.append(list);
  return node;
}

function liveDot() {
  const dot = document.createElement("span");
  dot.className = "live-dot";
  dot.title = word("live");
  const said = dot.appendChild(document.createElement("span"));
  said.className = "visually-hidden";
  said.textContent = word("live");
  return dot;
}

/** Under which heading of the reader's own calendar. */
function dayOf(at) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const then = new Date(at).getTime();
  if (then >= midnight) return "today";
  if (then >= midnight - DAY) return "yesterday";
  return then >= midnight - 7 * DAY ? "week" : "earlier";
}
