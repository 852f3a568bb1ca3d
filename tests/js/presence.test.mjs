import assert from "node:assert/strict";
import { test } from "node:test";

import { NOBODY, initial, peopleHere } from "../../static/rooms/presence.js";
import { marksOf, spread } from "../../static/rooms/rail.js";

const members = {
  ada: { name: "Ada", color: 1, role: "owner" },
  ben: { name: "Ben", color: 2, role: "member" },
  cy: { name: "Cy", color: 3, role: "member" },
  gone: { name: "Gone", color: 4, role: "left" },
};
const one = (id, cursors = [10], more = {}) => ({ id, cursors, typing: false, ...more });
const here = (...list) => peopleHere({ members: list }, members, "ben");

test("oneself first, then who is here, then who is away, by name", () => {
  const people = here(one("cy"), one("ada", [10], { away: true }), one("ben"));
  assert.deepEqual(people.map(({ name }) => name), ["Ben", "Cy", "Ada"]);
  assert.deepEqual(people.map(({ me }) => me), [true, false, false]);
});

test("who has left, or is not known yet, is not shown", () => {
  assert.deepEqual(here(one("gone"), one("stranger"), one("ada")).map(({ id }) => id), ["ada"]);
  assert.deepEqual(peopleHere(NOBODY, members, "ben"), []);
});

test("one is not told that one types", () => {
  const people = here(one("ben", [1], { typing: true }), one("ada", [1], { typing: true }));
  assert.deepEqual(people.filter(({ typing }) => typing).map(({ id }) => id), ["ada"]);
});

test("behind is counted from the tab that is furthest on, to the one that is furthest behind", () => {
  const [ben, ada] = here(one("ada", [40, 87]), one("ben", [80]));
  assert.deepEqual([ada.tabs, ada.behind, ben.behind], [2, 47, 7]);
});

test("a letter for every name", () => {
  assert.deepEqual(["ada", " ben", "\u{1f469}\u{1f3fd} x", "", undefined].map(initial), ["A", "B", "\u{1f469}", "?", "?"]);
});

test("a mark for each tab, between the rail's upper end and the tab that is furthest on", () => {
  const marks = marksOf(here(one("ada", [50, 100]), one("ben", [75])));
  assert.deepEqual(marks.map(({ id, at, behind }) => [id, at, behind]), [["ada", 0.5, 50], ["ben", 0.75, 25], ["ada", 1, 0]]);
  assert.deepEqual(marksOf(here(one("ada", [50]), one("ben", [100])), 60).map(({ at }) => at), [0, 1], "above its end there is nothing");
  assert.deepEqual(marksOf(here(one("ada", [0]))).map(({ at }) => at), [1], "an empty room");
});

test("a tab that stands still while others go on moves up", () => {
  const at = (head) => marksOf(here(one("ada", [100]), one("ben", [head])))[0].at;
  assert.ok(at(110) > at(150) && at(150) > at(400));
});

test("no mark lies on another one, and the furthest is at the end", () => {
  for (const [places, height] of [[[1, 1, 1], 100], [[0, 0, 1], 100], [[0.97, 0.98, 0.99, 1], 300], [[0.2, 0.2, 0.9], 500]]) {
    const found = spread(places.map((at) => ({ at })), height, 10);
    found.forEach((place, index) => assert.ok(place >= 0 && place <= height && (index === 0 || place - found[index - 1] >= 10), `${found}`));
  }
  assert.deepEqual(spread([{ at: 1 }], 80), [80]);
  assert.deepEqual(spread([{ at: 0 }, { at: 1 }], 80, 10), [0, 80], "where there is room, each is where it belongs");
});

test("a rail too short for its marks keeps them on it", () => {
  const found = spread(Array.from({ length: 9 }, () => ({ at: 1 })), 40, 10);
  assert.ok(found.every((place) => place >= 0 && place <= 40));
});
