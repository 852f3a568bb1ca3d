import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Unruly } from "../../static/rooms/unruly.js";
import { FakeSocket } from "./fakes.mjs";

let wire;
let socket;
let heard;

beforeEach(() => {
  FakeSocket.made = [];
  heard = [];
});

function begin(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  wire = new Unruly({ create: (url) => new FakeSocket(url) });
  socket = wire.open("ws://host/");
  socket.onmessage = ({ data }) => heard.push(JSON.parse(data).n);
}

const deltas = (...numbers) => numbers.forEach((n) => FakeSocket.last.say({ type: "deltas", n }));

test("a wire that behaves passes everything on, both ways, and its end", (t) => {
  begin(t);
  let closed = null;
  socket.onclose = ({ code }) => (closed = code);
  FakeSocket.last.open();
  assert.equal(socket.readyState, 1);
  socket.send('{"type":"sync"}');
  deltas(1, 2, 3);
  FakeSocket.last.end(4412);
  assert.deepEqual([heard.slice(1), FakeSocket.last.sent, closed], [[1, 2, 3], [{ type: "sync" }], 4412]);
});

test("twice: every frame comes twice", (t) => {
  begin(t);
  wire.twice = true;
  deltas(1, 2);
  assert.deepEqual(heard, [1, 1, 2, 2]);
});

test("swap: neighbours change places, and one without a neighbour does not wait for ever", (t) => {
  begin(t);
  wire.swap = true;
  deltas(1, 2, 3, 4, 5);
  assert.deepEqual(heard, [2, 1, 4, 3]);
  t.mock.timers.tick(250);
  assert.deepEqual(heard, [2, 1, 4, 3, 5]);
});

test("swap: what is no broadcast keeps its place", (t) => {
  begin(t);
  wire.swap = true;
  FakeSocket.last.say({ type: "welcome", n: 1 });
  FakeSocket.last.say({ type: "snapshot", n: 2 });
  assert.deepEqual(heard, [1, 2]);
});

test("slow: frames come one by one, in order, also those that wait when it becomes fast again", (t) => {
  begin(t);
  wire.slow = true;
  deltas(1, 2, 3);
  assert.deepEqual(heard, []);
  t.mock.timers.tick(400);
  assert.deepEqual(heard, [1]);
  wire.slow = false;
  deltas(4);
  t.mock.timers.tick(400);
  t.mock.timers.tick(0);
  t.mock.timers.tick(0);
  assert.deepEqual(heard, [1, 2, 3, 4]);
});

test("deaf: what comes within the time is lost, and counted; then all is well", (t) => {
  begin(t);
  deltas(1);
  wire.deafen(5_000);
  deltas(2, 3);
  t.mock.timers.tick(5_000);
  deltas(4);
  assert.deepEqual([heard, wire.lost], [[1, 4], 2]);
});

test("a closed socket says nothing more, whatever it held", (t) => {
  begin(t);
  wire.slow = true;
  deltas(1, 2);
  socket.close();
  t.mock.timers.tick(10_000);
  assert.deepEqual([heard, FakeSocket.last.closed], [[], true]);
});
