import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { digest } from "../../static/rooms/digest.js";
import { RoomSession } from "../../static/rooms/session.js";
import { FakeSocket, storage } from "./fakes.mjs";

const config = { room: "r1", me: { id: "ada", name: "Ada" }, tab: "", heartbeat: 10 };
const answer = { id: "a1", role: "assistant", author: null, text: "He", status: "streaming", digest: digest("He"), parent: null, seq: 4 };
const snapshot = (more = {}) => ({ cursor: "4.x", room: {}, members: {}, messages: [{ ...answer }], earlier: null, ...more });
const appended = (seq, text) => ({ seq, at: "", kind: "appended", message: "a1", text, part: "text" });
const closed = (seq, text, status = "complete") => ({ seq, at: "", kind: "closed", message: "a1", status, digest: digest(text) });
const deltas = (...items) => ({ type: "deltas", items, cursor: `${items.at(-1).seq}.x` });
const synced = (seq, digests = {}) => ({ type: "synced", cursor: `${seq}.x`, digests });
const last = () => FakeSocket.last;
const sent = (type) => last().sent.filter((frame) => frame.type === type);

let heard;

function begin(t, given = snapshot(), store = storage()) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_000_000 });
  heard = { changes: [], live: [] };
  const session = new RoomSession({
    config,
    snapshot: given,
    url: "ws://host/ws/rooms/r1/",
    storage: store,
    on: {
      changes: (list, live) => {
        heard.changes.push(...list);
        heard.live.push(live);
      },
      connection() {},
      outbox() {},
    },
    socket: { create: (url) => new FakeSocket(url), random: () => 0 },
  });
  session.start();
  return session;
}

beforeEach(() => {
  FakeSocket.made = [];
});

test("starts from the page's snapshot, and is live once level with the room", (t) => {
  const session = begin(t);
  assert.match(last().url, /[?&]cursor=4\.x$/);
  last().open();
  last().say(deltas(appended(5, "llo")));
  assert.notEqual(session.state().state, "live");
  last().say(synced(5));
  const counted = { messages: 1, outbox: 0, answering: 1, duplicates: 0, repairs: 0, desyncs: 0 };
  assert.deepEqual(session.state(), { state: "live", cursor: "5.x", length: 5, digest: digest("Hello"), ...counted });
  last().say(deltas(appended(6, "!")));
  assert.deepEqual(heard.live, [false, true], "a replay is not news");
});

test("a gap is asked for at once, but not for each frame that follows", (t) => {
  const session = begin(t);
  last().open();
  last().say(synced(4));
  last().say(deltas(appended(6, "!")));
  last().say(deltas(appended(7, "!")));
  assert.deepEqual(sent("sync"), [{ type: "sync", cursor: "4.x", repair: true }]);
  last().say(deltas(appended(5, "llo"), appended(6, "!"), appended(7, "!")));
  assert.equal(session.log.message("a1").text, "Hello!!");
  t.mock.timers.tick(1_400);
  assert.equal(sent("sync").length, 1);
});

test("a repair that is lost itself is asked for again", (t) => {
  begin(t);
  last().open();
  last().say(synced(4));
  last().say(deltas(appended(6, "!")));
  last().say(deltas(appended(7, "!")));
  t.mock.timers.tick(1_000);
  assert.equal(sent("sync").length, 2);
});

test("a lost last frame is found by the answer to a question in the silence", (t) => {
  begin(t);
  last().open();
  last().say(synced(4));
  t.mock.timers.tick(1_500);
  assert.equal(sent("sync").length, 1);
  last().say(synced(5));
  assert.deepEqual(sent("sync").at(-1), { type: "sync", cursor: "4.x", repair: true });
});

test("a difference drops the cursor, connects anew, and is counted", (t) => {
  const session = begin(t);
  last().open();
  last().say(synced(4, { a1: "deadbeef" }));
  assert.equal(session.desyncs, 1);
  assert.ok(FakeSocket.made[0].closed);
  t.mock.timers.tick(1);
  assert.match(last().url, /[?&]cursor=$/);
  last().open();
  last().end();
  t.mock.timers.tick(1);
  assert.match(last().url, /[?&]cursor=$/, "the cursor stays dropped until a snapshot has come");
  last().open();
  last().say({ type: "snapshot", ...snapshot({ cursor: "9.x" }) });
  last().say(synced(9));
  last().end();
  t.mock.timers.tick(1);
  assert.match(last().url, /[?&]cursor=9\.x$/);
  assert.equal(session.desyncs, 1);
});

test("a closed answer whose digest differs is a difference too", (t) => {
  const session = begin(t);
  last().open();
  last().say(synced(4));
  last().say(deltas(appended(5, "llo"), closed(6, "Hallo")));
  assert.equal(session.desyncs, 1);
});

test("a page whose own snapshot is damaged starts without a cursor", (t) => {
  const session = begin(t, snapshot({ messages: [{ ...answer, text: "Hx" }] }));
  assert.equal(session.desyncs, 1);
  assert.match(last().url, /[?&]cursor=$/);
});

test("a post is kept until its receipt, over sockets and pages", (t) => {
  const store = storage();
  const session = begin(t, snapshot(), store);
  session.post("Hi");
  assert.equal(session.state().outbox, 1);
  last().open();
  const [frame] = sent("post");
  last().end();
  t.mock.timers.tick(1);
  last().open();
  assert.deepEqual(sent("post"), [frame]);
  last().say({ type: "receipt", client_id: frame.client_id, message: "m1", seq: 5 });
  assert.equal(session.state().outbox, 0);
  assert.equal(store.values.size, 0);
});

test("retry and continue go the same way as posts", (t) => {
  const session = begin(t);
  session.again("continue", "a1");
  last().open();
  assert.equal(sent("continue")[0].message, "a1");
  assert.match(sent("continue")[0].client_id, /^[0-9a-f]{32}$/);
});

test("a stop that could not be sent is said with the next socket, and not after the answer has ended", (t) => {
  const session = begin(t);
  session.stop("a1");
  assert.ok(session.isStopping("a1"));
  last().open();
  assert.deepEqual(sent("stop"), [{ type: "stop", message: "a1" }]);
  last().say(deltas(closed(5, "He", "stopped")));
  assert.ok(!session.isStopping("a1"));
  last().end();
  t.mock.timers.tick(1);
  last().open();
  assert.deepEqual(sent("stop"), []);
});

test("an error that names one of ours goes to the outbox, any other to the page", (t) => {
  const session = begin(t);
  const refused = [];
  session.on.refused = (frame) => refused.push(frame.code);
  const { client_id } = session.post("Hi");
  last().open();
  last().say({ type: "error", code: "too_long", detail: "Too long.", client_id, request_id: "r" });
  last().say({ type: "error", code: "not_allowed", detail: "No.", request_id: "r" });
  assert.equal(session.outbox.items[0].state, "failed");
  assert.deepEqual(refused, ["too_long", "not_allowed"]);
});

test("says that something is typed at most every three seconds, and only to somebody", (t) => {
  const session = begin(t);
  session.typing();
  last().open();
  session.typing();
  session.typing();
  assert.equal(sent("typing").length, 1, "what could not be sent is not counted");
  t.mock.timers.tick(3_000);
  session.typing();
  assert.equal(sent("typing").length, 2);
});

test("who looks away says so at once, and who looks again asks for what was missed", (t) => {
  const session = begin(t);
  last().open();
  session.look(false);
  session.look(true);
  assert.deepEqual(sent("sync"), [{ type: "sync", cursor: "4.x", away: true }, { type: "sync", cursor: "4.x" }]);
});

test("each page has a name of its own, and keeps it over its sockets", (t) => {
  const name = (socket) => /[?]tab=([0-9a-f]{32})&/.exec(socket.url)[1];
  begin(t);
  last().end();
  t.mock.timers.tick(1);
  assert.equal(name(FakeSocket.made[0]), name(FakeSocket.made[1]));
  const { mock } = t;
  mock.timers.reset();
  begin(t);
  assert.notEqual(name(last()), name(FakeSocket.made[0]));
});

test("presence goes to the page and moves nothing", (t) => {
  const session = begin(t);
  const seen = [];
  session.on.presence = (frame) => seen.push(frame.members.length);
  last().open();
  last().say({ type: "presence", members: [{ id: "ada", cursors: [4], typing: false }] });
  assert.deepEqual(seen, [1]);
  assert.equal(session.log.cursor, "4.x");
  assert.equal(session.log.unknown, 0);
});

test("what somebody wrote is not sent as somebody else", (t) => {
  const session = begin(t);
  const others = [];
  session.on.other = (me) => others.push(me.id);
  session.post("Hi");
  last().open({ id: "ben", name: "Ben" });
  assert.deepEqual(sent("post"), []);
  assert.deepEqual(others, ["ben"]);
  last().end();
  t.mock.timers.tick(1);
  last().open({ id: "ada", name: "Ada" });
  assert.equal(sent("post").length, 1);
});

test("a clock that is set back holds no repair up, and no sign of typing", (t) => {
  const session = begin(t);
  last().open();
  last().say(synced(4));
  last().say(deltas(appended(6, "!")));
  session.typing();
  t.mock.timers.tick(3_000);
  t.mock.timers.setTime(1_000);
  last().say(deltas(appended(7, "!")));
  session.typing();
  assert.equal(sent("sync").filter((frame) => frame.repair).length, 2);
  assert.equal(sent("typing").length, 2);
});
