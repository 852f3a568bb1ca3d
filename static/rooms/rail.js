// The rail beside the log: a mark for each tab, as far down as it has got. Whoever reads it by ear finds the same in words
// in the list of people, so all of it is hidden from screen readers.

import { headOf, initial } from "./presence.js";

const GAP = 14; // px between two marks, where they would lie on each other
const SHOWN = 12;

/**
 * A mark for each cursor, the one that is furthest behind first: {id, name, color, behind, at}. `at` is its place between
 * `base` (0) and the cursor that is furthest on (1).
 */
export function marksOf(people, base = 0) {
  const head = headOf(people);
  const span = Math.max(1, head - base);
  return people
    .flatMap(({ id, name, color, cursors }) => cursors.map((cursor) => ({ id, name, color, behind: head - cursor })))
    .map((mark) => ({ ...mark, at: Math.max(0, 1 - mark.behind / span) }))
    .sort((one, other) => one.at - other.at);
}

/** Their places on a rail of this height, in px: none over another one, the last at its end. */
export function spread(marks, height, gap = GAP) {
  const places = marks.map(({ at }) => at * height);
  for (let index = 1; index < places.length; index++) places[index] = Math.max(places[index], places[index - 1] + gap);
  let lowest = height;
  for (let index = places.length - 1; index >= 0; index--, lowest -= gap) {
    lowest = Math.min(lowest, places[index]);
    places[index] = Math.max(0, lowest);
  }
  return places;
}

export class Rail {
  #nodes = new Map();

  /** `label(mark)` says in words where a mark stands. */
  constructor(node, { label }) {
    Object.assign(this, { node, label });
  }

  /** `base`: the sequence at its upper end. A tab that is alone is compared with nobody. */
  show(people, base = 0) {
    const marks = marksOf(people, base).slice(0, SHOWN);
    this.node.hidden = marks.length < 2;
    if (this.node.hidden) return;
    const places = spread(marks, this.node.clientHeight);
    const counts = new Map();
    const kept = new Set();
    marks.forEach((mark, index) => {
      const count = (counts.get(mark.id) ?? 0) + 1;
      counts.set(mark.id, count);
      const key = `${mark.id} ${count}`;
      kept.add(key);
      this.#draw(this.#nodeOf(key), mark, places[index]);
    });
    for (const [key, node] of this.#nodes) {
      if (kept.has(key)) continue;
      node.remove();
      this.#nodes.delete(key);
    }
  }

  #nodeOf(key) {
    let node = this.#nodes.get(key);
    if (!node) {
      node = document.createElement("span");
      node.className = "rail-mark";
      this.#nodes.set(key, node);
      this.node.append(node);
    }
    return node;
  }

  #draw(node, mark, place) {
    node.dataset.color = mark.color;
    node.dataset.initial = initial(mark.name);
    node.title = this.label(mark);
    node.toggleAttribute("data-behind", mark.behind > 0);
    node.style.setProperty("--place", `${Math.round(place)}px`);
  }
}
