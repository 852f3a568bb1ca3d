import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { RoomSocket } from "../../static/rooms/socket.js";
import { FakeSocket } from "./fakes.mjs";

let socket;
let phases;
let frames;
let cursor;
let doubts;

function begin(t, options = {}) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  socket = new RoomSocket({
    url: "ws://host/ws/rooms/r1/",
    cursor: () => cursor,
    heartbeat: 10,
    onframe: (frame) => frames.push(frame.type),
    onphase: (phase, details) => phases.push([phase, details]),
    create: (url) => new FakeSocket(url),
    random: () => 1,
    ...options,
  });
  socket.connect();
}

const names = () => phases.map(([phase]) => phase);

beforeEach(() => {
  FakeSocket.made = [];
  phases = [];
  frames = [];
  doubts = [];
  cursor = "4.aa";
});

test("connects with the cursor it has at that moment", (t) => {
  begin(t);
  assert.equal(FakeSocket.last.url, "ws://host/ws/rooms/r1/?cursor=4.aa");
  cursor = "9.bb";
  FakeSocket.last.end();
  t.mock.timers.tick(500);
  assert.equal(FakeSocket.last.url, "ws://host/ws/rooms/r1/?cursor=9.bb");
});

test("backs off: half a second doubling to thirty, each with full jitter", (t) => {
  begin(t);
  const waits = [];
  for (let round = 0; round < 9; round++) {
    const before = Date.now();
    FakeSocket.last.end();
    waits.push(phases.at(-1)[1].nextAt - before);
    t.mock.timers.tick(waits.at(-1));
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  socket.random = () => 0.25;
  const before = Date.now();
  FakeSocket.last.end();
  assert.equal(phases.at(-1)[1].nextAt - before, 7500);
});

test("starts at the shortest wait again only after half a minute of being open", (t) => {
  begin(t);
  FakeSocket.last.end();
  t.mock.timers.tick(500);
  FakeSocket.last.open();
  t.mock.timers.tick(1_000);
  FakeSocket.last.end();
  assert.equal(phases.at(-1)[1].nextAt - Date.now(), 1000);
  t.mock.timers.tick(1_000);
  FakeSocket.last.open();
  for (let beat = 0; beat < 4; beat++) {
    t.mock.timers.tick(10_000);
    FakeSocket.last.say({ type: "synced" });
  }
  FakeSocket.last.end();
  assert.equal(phases.at(-1)[1].nextAt - Date.now(), 500);
});

for (const code of [1000, 1001, 1006, 1011, 1012, 1013, 4408, 4412, 4429, 4499]) {
  test(`comes back after ${code}`, (t) => {
    begin(t);
    FakeSocket.last.open();
    FakeSocket.last.end(code);
    t.mock.timers.tick(500);
    assert.equal(FakeSocket.made.length, 2);
  });
}

for (const code of [4500, 4503, 4510, 4999]) {
  test(`stays away after ${code}`, (t) => {
    begin(t);
    FakeSocket.last.open();
    FakeSocket.last.end(code, "because");
    t.mock.timers.tick(120_000);
    assert.equal(FakeSocket.made.length, 1);
    assert.deepEqual(phases.at(-1), ["gone", { code, detail: "because" }]);
  });
}

for (const end of [() => FakeSocket.last.end(4501), () => FakeSocket.last.say({ type: "bye", code: 4501, detail: "" })]) {
  test("a sign-in elsewhere changes the cookie: with the new one it tries once", (t) => {
    begin(t);
    FakeSocket.last.open();
    end();
    t.mock.timers.tick(500);
    assert.equal(FakeSocket.made.length, 2);
    FakeSocket.last.end(4503);
    t.mock.timers.tick(120_000);
    assert.equal(FakeSocket.made.length, 2);
    assert.deepEqual([names().at(-1), phases.at(-1)[1].code], ["gone", 4501], "a stranger now; but why is what counts");
  });
}

test("a door that opens again is gone through with the cursor of before", (t) => {
  begin(t);
  FakeSocket.last.open();
  FakeSocket.last.end(4503);
  t.mock.timers.tick(120_000);
  assert.equal(FakeSocket.made.length, 1);
  socket.comeBack();
  FakeSocket.last.open();
  assert.deepEqual(names().slice(-3), ["gone", "connecting", "open"]);
  assert.equal(FakeSocket.last.url, "ws://host/ws/rooms/r1/?cursor=4.aa");
});

test("a page that is left closes as one that leaves, and says since when it was away", (t) => {
  begin(t);
  FakeSocket.last.open();
  const left = Date.now();
  socket.pause();
  assert.equal(FakeSocket.made[0].closedWith, 1000);
  t.mock.timers.tick(60_000);
  assert.equal(FakeSocket.made.length, 1);
  assert.equal(names().at(-1), "open", "nothing is said while the page goes");
  socket.connect();
  assert.deepEqual(phases.at(-1), ["connecting", { since: left }]);
});

test("a wire that was found dead has been dead since its last frame", (t) => {
  begin(t);
  FakeSocket.last.open();
  t.mock.timers.tick(3_000);
  FakeSocket.last.say({ type: "presence" });
  const heard = Date.now();
  t.mock.timers.tick(7_000);
  t.mock.timers.tick(15_000);
  assert.equal(phases.at(-1)[1].since, heard);
});

test("a tab that nobody looks at says so with its syncs", (t) => {
  let away = true;
  begin(t, { away: () => away });
  FakeSocket.last.open();
  socket.sync();
  away = false;
  socket.sync();
  assert.deepEqual(FakeSocket.last.sent, [{ type: "sync", cursor: "4.aa", away: true }, { type: "sync", cursor: "4.aa" }]);
});

test("stays away after a bye, whatever the close code", (t) => {
  begin(t);
  FakeSocket.last.open();
  FakeSocket.last.say({ type: "bye", code: 4503, detail: "deleted" });
  FakeSocket.made[0].end(1000);
  socket.check();
  t.mock.timers.tick(120_000);
  assert.equal(FakeSocket.made.length, 1);
  assert.deepEqual(names(), ["connecting", "open", "gone"]);
});

test("a tab that nobody looks at beats with its cursor, and is dead two and a half beats after the last frame", (t) => {
  begin(t, { away: () => true });
  FakeSocket.last.open();
  t.mock.timers.tick(10_000);
  assert.deepEqual(FakeSocket.last.sent, [{ type: "sync", cursor: "4.aa", away: true }]);
  t.mock.timers.tick(14_999);
  assert.equal(names().at(-1), "open");
  t.mock.timers.tick(1);
  assert.equal(names().at(-1), "down");
  assert.ok(FakeSocket.made[0].closed);
});

test("where somebody looks, silence is asked about, and doubted within three seconds", (t) => {
  begin(t, { ondoubt: (since) => doubts.push(since) });
  FakeSocket.last.open();
  t.mock.timers.tick(1_500);
  const asked = Date.now();
  assert.deepEqual(FakeSocket.last.sent, [{ type: "sync", cursor: "4.aa" }]);
  t.mock.timers.tick(1_200);
  assert.deepEqual(doubts, [asked]);
  FakeSocket.last.say({ type: "presence" });
  assert.deepEqual(doubts, [asked, null], "any frame ends it");
  t.mock.timers.tick(1_499);
  assert.equal(FakeSocket.last.sent.length, 1, "what speaks is not asked");
  t.mock.timers.tick(1);
  t.mock.timers.tick(15_000);
  assert.equal(names().at(-1), "down", "a doubt that stays is the end of the socket");
});

test("a line that answers late is given longer, and not doubted again and again", (t) => {
  begin(t, { ondoubt: (since) => doubts.push(since) });
  FakeSocket.last.open();
  for (let question = 0; question < 5; question++) {
    t.mock.timers.tick(1_500);
    t.mock.timers.tick(2_000);
    FakeSocket.last.say({ type: "synced" });
  }
  assert.equal(doubts.length, 2, "once, and its end");
  for (let question = 0; question < 2; question++) {
    t.mock.timers.tick(1_500);
    FakeSocket.last.say({ type: "synced" });
  }
  t.mock.timers.tick(1_500);
  t.mock.timers.tick(1_200);
  assert.equal(doubts.length, 3, "a line that has become quick is doubted soon");
});

test("a page that stood still hears what came before it doubts", (t) => {
  begin(t, { ondoubt: (since) => doubts.push(since) });
  FakeSocket.last.open();
  t.mock.timers.tick(1_500);
  t.mock.timers.tick(4_000); // its timers come late, at the end of these
  assert.deepEqual(doubts, []);
  t.mock.timers.tick(1_200);
  assert.equal(doubts.length, 1);
});

test("any frame is a sign of life", (t) => {
  begin(t);
  FakeSocket.last.open();
  for (let beat = 0; beat < 20; beat++) {
    t.mock.timers.tick(10_000);
    FakeSocket.last.say({ type: "presence" });
  }
  assert.equal(FakeSocket.made.length, 1);
});

test("an old socket that speaks late is not heard", (t) => {
  begin(t);
  const [old] = FakeSocket.made;
  const { onmessage, onclose } = old;
  old.open();
  socket.restart();
  t.mock.timers.tick(500);
  FakeSocket.last.open();
  const before = names().length;
  onmessage({ data: '{"type":"deltas"}' });
  onclose({ code: 4503 });
  assert.equal(names().length, before);
  assert.ok(!frames.includes("deltas"));
});

test("confirms after 64 KiB received, and counts anew", (t) => {
  begin(t);
  FakeSocket.last.open();
  const block = { type: "deltas", text: "x".repeat(30_000) };
  FakeSocket.last.say(block);
  FakeSocket.last.say(block);
  assert.equal(FakeSocket.last.sent.length, 0);
  FakeSocket.last.say(block);
  assert.deepEqual(FakeSocket.last.sent, [{ type: "sync", cursor: "4.aa" }]);
  FakeSocket.last.say(block);
  assert.equal(FakeSocket.last.sent.length, 1);
});

test("a check asks at once, and believes a silent socket for five seconds only", (t) => {
  begin(t);
  FakeSocket.last.open();
  socket.check();
  assert.equal(FakeSocket.last.sent.length, 1);
  t.mock.timers.tick(5_000);
  assert.equal(names().at(-1), "down");
});

test("checks that follow one another do not put the end off", (t) => {
  begin(t);
  FakeSocket.last.open();
  for (let second = 0; second < 5; second++) {
    socket.check();
    t.mock.timers.tick(1_000);
  }
  assert.equal(names().at(-1), "down");
});

test("a check while waiting for the next attempt attempts at once", (t) => {
  begin(t);
  FakeSocket.last.end();
  socket.check();
  assert.equal(FakeSocket.made.length, 2);
  socket.check();
  assert.equal(FakeSocket.made.length, 2, "and leaves an attempt that is under way alone");
});

test("an attempt that gets no welcome within ten seconds is given up", (t) => {
  begin(t);
  FakeSocket.last.readyState = 1;
  t.mock.timers.tick(10_000);
  assert.equal(names().at(-1), "down");
});

test("cut stays cut until it is plugged in", (t) => {
  begin(t);
  FakeSocket.last.open();
  socket.cut();
  socket.check();
  socket.connect();
  t.mock.timers.tick(120_000);
  assert.equal(FakeSocket.made.length, 1);
  assert.ok(FakeSocket.made[0].closed);
  socket.plug();
  assert.equal(FakeSocket.made.length, 2);
});

test("what is no JSON is passed over", (t) => {
  begin(t);
  FakeSocket.last.open();
  FakeSocket.last.onmessage({ data: "{" });
  FakeSocket.last.say({ type: "synced" });
  assert.deepEqual(frames, ["welcome", "synced"]);
});

test("nothing is sent before the welcome, nor with a cursor that was dropped", (t) => {
  begin(t);
  assert.equal(socket.send({ type: "post" }), false);
  FakeSocket.last.open();
  cursor = "";
  socket.sync();
  assert.deepEqual(FakeSocket.last.sent, []);
  assert.equal(socket.send({ type: "stop" }), true);
});

test("a constructor that throws is one more failed attempt", (t) => {
  begin(t, { create: () => { throw new Error("refused"); } });
  assert.deepEqual(names(), ["connecting", "down"]);
});
