import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../static/rooms/connection.js";

function begin(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const shown = [];
  const connection = new Connection({ onchange: (view) => shown.push(view) });
  return { connection, shown, last: () => shown.at(-1) };
}

function settle(connection) {
  connection.phase("open");
  connection.phase("level");
}

test("a blip is silent, then it is said, then it is offline", (t) => {
  const { connection, last } = begin(t);
  settle(connection);
  assert.equal(last().state, "live");
  connection.phase("down", { nextAt: Date.now() + 20_000 });
  assert.equal(last().state, "blip");
  t.mock.timers.tick(1_499);
  assert.equal(last().state, "blip");
  t.mock.timers.tick(11);
  assert.equal(last().state, "reconnecting");
  t.mock.timers.tick(3_490);
  assert.equal(last().state, "offline");
  assert.equal(connection.state, "offline");
});

test("a loss that heals within a blip is never shown as anything but live", (t) => {
  const { connection, shown } = begin(t);
  settle(connection);
  connection.phase("down", { nextAt: Date.now() + 300 });
  t.mock.timers.tick(300);
  connection.phase("connecting");
  settle(connection);
  const states = new Set(shown.slice(3).map(({ state }) => state));
  assert.deepEqual([...states].sort(), ["blip", "live"]);
});

test("counts down to the next attempt, second by second", (t) => {
  const { connection, last } = begin(t);
  settle(connection);
  connection.phase("down", { nextAt: Date.now() + 20_000 });
  t.mock.timers.tick(8_000);
  assert.equal(Math.round(last().wait / 1000), 12);
  t.mock.timers.tick(1_000);
  assert.equal(Math.round(last().wait / 1000), 11);
});

test("without a network, offline is said as soon as the blip is over", (t) => {
  const { connection, last } = begin(t);
  settle(connection);
  connection.online(false);
  assert.equal(last().state, "live", "the socket decides, not the browser's guess");
  connection.phase("down", {});
  t.mock.timers.tick(1_510);
  assert.equal(last().state, "offline");
});

test("a wire that gives no answer is told of before it is given up, and not as a new loss then", (t) => {
  const { connection, last, shown } = begin(t);
  settle(connection);
  const asked = Date.now();
  t.mock.timers.tick(1_200);
  connection.doubt(asked);
  assert.deepEqual([last().state, last().since], ["reconnecting", asked]);
  t.mock.timers.tick(3_810);
  assert.equal(last().state, "offline");
  t.mock.timers.tick(10_000);
  const before = shown.length;
  connection.phase("down", { nextAt: Date.now() + 400, since: asked });
  connection.phase("connecting");
  assert.deepEqual([...new Set(shown.slice(before).map(({ state }) => state))], ["offline"]);
  assert.equal(last().since, asked);
});

test("an answer after all ends the doubt without a word", (t) => {
  const { connection, last } = begin(t);
  settle(connection);
  connection.doubt(Date.now() - 1_200);
  connection.doubt(null);
  assert.deepEqual([last().state, last().back], ["live", false]);
});

test("without a network, a wire in doubt is offline at once", (t) => {
  const { connection, last } = begin(t);
  settle(connection);
  connection.online(false);
  connection.doubt(Date.now());
  assert.equal(last().state, "offline");
});

test("catching up is shown with its count, and told about after five seconds away", (t) => {
  const { connection, last } = begin(t);
  settle(connection);
  connection.phase("down", {});
  t.mock.timers.tick(6_000);
  connection.phase("connecting");
  connection.phase("open");
  connection.applied(40);
  connection.applied(7);
  assert.deepEqual([last().state, last().applied], ["catching-up", 47]);
  connection.phase("level");
  assert.deepEqual([last().state, last().back, last().applied], ["live", true, 47]);
  t.mock.timers.tick(3_010);
  assert.deepEqual([last().state, last().back], ["live", false]);
});

test("nothing is told after a short absence, nor on the first load", (t) => {
  const { connection, last } = begin(t);
  t.mock.timers.tick(9_000);
  settle(connection);
  assert.equal(last().back, false);
  connection.phase("down", {});
  t.mock.timers.tick(2_000);
  connection.phase("connecting");
  settle(connection);
  assert.equal(last().back, false);
});

test("away is counted from when the wire was last known to be alive", (t) => {
  const { connection, last } = begin(t);
  settle(connection);
  const alive = Date.now();
  t.mock.timers.tick(20_000); // a lid was closed; nothing has been noticed so far
  connection.phase("down", { since: alive });
  assert.equal(last().state, "blip", "what heals within a blip is not shown as offline, however long it lasted unseen");
  connection.phase("connecting");
  connection.phase("open");
  connection.applied(12);
  connection.phase("level");
  assert.deepEqual([last().back, last().applied], [true, 12]);
});

test("cut is shown at once, and its end does not flash as offline", (t) => {
  const { connection, last, shown } = begin(t);
  settle(connection);
  connection.phase("cut");
  assert.equal(last().state, "cut");
  t.mock.timers.tick(20_000);
  const before = shown.length;
  connection.phase("connecting");
  connection.phase("open");
  connection.applied(130);
  connection.phase("level");
  assert.ok(!shown.slice(before).some(({ state }) => state === "offline"));
  assert.deepEqual([last().back, last().applied], [true, 130]);
});

test("gone is the end", (t) => {
  const { connection, last } = begin(t);
  settle(connection);
  connection.phase("gone", { code: 4503, detail: "" });
  t.mock.timers.tick(60_000);
  connection.phase("down", {});
  assert.equal(last().state, "gone");
  assert.equal(last().gone.code, 4503);
  connection.phase("connecting");
  settle(connection);
  assert.equal(last().state, "live", "until the door is open again");
});

test("a clock that is set back hides no loss", (t) => {
  const { connection } = begin(t);
  settle(connection);
  connection.phase("down", { nextAt: null });
  t.mock.timers.setTime(500_000);
  assert.equal(connection.state, "offline");
});
