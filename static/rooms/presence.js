// Who is here: what a `presence` frame says, with the names that the log knows. Pure: no DOM, no clock.

export const NOBODY = { members: [], more: 0 };

/**
 * Everybody who is here, oneself first: {id, name, color, me, tabs, away, typing, cursors, behind}. `behind` is how many
 * updates the tab that is furthest behind lacks, counted from the one that is furthest on.
 */
export function peopleHere({ members: here }, members, me) {
  const head = headOf(here);
  const people = here
    .filter(({ id }) => members[id] && members[id].role !== "left")
    .map(({ id, cursors, typing, away = false }) => ({
      id,
      name: members[id].name,
      color: members[id].color,
      me: id === me,
      tabs: cursors.length,
      away,
      typing: typing && id !== me,
      cursors,
      behind: cursors.length ? head - Math.min(...cursors) : 0,
    }));
  return people.sort((one, other) => other.me - one.me || one.away - other.away || compare(one.name, other.name) || compare(one.id, other.id));
}

/** The cursor that is furthest on: of one moment, unlike the log's own head. */
export function headOf(here) {
  return Math.max(0, ...here.flatMap(({ cursors }) => cursors));
}

/** The letter that stands for somebody. */
export function initial(name) {
  return ([...(name ?? "").trim()][0] ?? "?").toUpperCase();
}

const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
