import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../static/rooms/connection.js";
import { Obstacle } from "../../static/rooms/obstacle.js";
import { RoomSocket } from "../../static/rooms/socket.js";
import { FakeSocket } from "./fakes.mjs";

const UPGRADE = { code: "upgrade", detail: "It must pass Upgrade on." };

function obstacle(answers) {
  const heard = [];
  const asked = [];
  const made = new Obstacle({
    ask: async () => {
      asked.push(1);
      return answers.shift() ?? null;
    },
    onfound: (found) => heard.push(found),
  });
  return { made, heard, asked };
}

test("what the server says is believed once the handshake after it has failed, too", async () => {
  const { made, heard, asked } = obstacle([UPGRADE, UPGRADE, UPGRADE]);
  await made.failed(1);
  assert.equal(asked.length, 0);
  await made.failed(2);
  assert.deepEqual([asked.length, heard], [1, []]);
  await made.failed(3);
  assert.deepEqual(heard, [UPGRADE]);
});

test("a server that was only starting is not said to stand behind something", async () => {
  const { made, heard } = obstacle([UPGRADE, UPGRADE]);
  await made.failed(1);
  await made.failed(2); // it answers now, and the next handshake succeeds
  await made.failed(1); // much later
  await made.failed(2);
  assert.deepEqual(heard, []);
});

test("a server that answers nothing any more is offline, whatever it said before", async () => {
  const { made, heard } = obstacle([UPGRADE, UPGRADE, null]);
  for (const count of [1, 2, 3, 4]) await made.failed(count);
  assert.deepEqual(heard, [UPGRADE, UPGRADE, null]);
});

test("handshakes count that came to nothing, and not sockets that were open or were sent away", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  FakeSocket.made = [];
  const failed = [];
  new RoomSocket({
    url: "ws://host/",
    cursor: () => "",
    heartbeat: 10,
    onframe() {},
    onphase: (phase, details) => phase === "down" && failed.push(details.failed),
    create: (url) => new FakeSocket(url),
    random: () => 1,
  }).connect();
  FakeSocket.last.end(1006);
  t.mock.timers.tick(500);
  FakeSocket.last.end(1006);
  t.mock.timers.tick(1_000);
  t.mock.timers.tick(10_000); // the third says nothing at all
  assert.deepEqual(failed, [1, 2, 3]);
  t.mock.timers.tick(2_000);
  FakeSocket.last.end(4412); // a process that drains: its handshake was fine
  assert.equal(failed.at(-1), 0);
  t.mock.timers.tick(4_000);
  FakeSocket.last.open();
  FakeSocket.last.end(1006);
  assert.equal(failed.at(-1), 0);
});

test("what is in the way is shown until a socket opens, and told of once", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  const shown = [];
  const connection = new Connection({ onchange: (view) => shown.push(view.obstacle) });
  connection.phase("down", { nextAt: 1 });
  connection.obstacle(UPGRADE);
  const count = shown.length;
  connection.obstacle({ ...UPGRADE });
  assert.equal(shown.length, count);
  connection.phase("connecting");
  assert.equal(shown.at(-1), UPGRADE);
  connection.phase("open");
  assert.equal(shown.at(-1), null);
});
