import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Outbox, newClientId } from "../../static/rooms/outbox.js";
import { storage } from "./fakes.mjs";

let sent;
let store;
let wire;

const outbox = (more = {}) => new Outbox({
  storage: store,
  key: "k",
  transmit: (frame) => wire && Boolean(sent.push(frame)),
  ...more,
});
const post = (text) => ({ type: "post", text });
const texts = () => sent.map(({ text }) => text);

beforeEach(() => {
  sent = [];
  store = storage();
  wire = true;
});

test("first in, first out, one on its way at a time", () => {
  const box = outbox();
  box.opened();
  const [one, two] = [box.add(post("one")), box.add(post("two"))];
  assert.deepEqual(texts(), ["one"]);
  box.receipt(one.client_id);
  assert.deepEqual(texts(), ["one", "two"]);
  box.receipt(two.client_id);
  assert.equal(box.items.length, 0);
});

test("what is written while there is no wire waits, over a reload too, and keeps its client_id and order", () => {
  const before = outbox();
  const ids = ["one", "two", "three"].map((text) => before.add(post(text)).client_id);
  const after = outbox();
  assert.deepEqual(after.items.map((item) => item.client_id), ids);
  after.opened();
  for (const id of ids) after.receipt(id);
  assert.deepEqual(sent.map(({ client_id }) => client_id), ids);
  assert.equal(store.values.size, 0);
});

test("what had no receipt when the wire was lost is sent again under the same client_id", () => {
  const box = outbox();
  box.opened();
  box.add(post("one"));
  box.lost();
  assert.equal(box.items[0].state, "waiting");
  box.opened();
  assert.equal(sent.length, 2);
  assert.equal(sent[0].client_id, sent[1].client_id);
});

test("a page that is left in the middle of sending sends again when it comes back", () => {
  const before = outbox();
  before.opened();
  before.add(post("one"));
  const after = outbox();
  assert.equal(after.items[0].state, "waiting");
});

test("fails only by a refusal of the server, and then nothing overtakes it", () => {
  const box = outbox();
  box.opened();
  const one = box.add(post("one"));
  box.add(post("two"));
  box.refused({ client_id: one.client_id, code: "too_long", detail: "Too long." });
  assert.equal(box.items[0].state, "failed");
  assert.deepEqual(texts(), ["one"]);
  box.lost();
  box.opened();
  assert.deepEqual(texts(), ["one"]);
  box.discard(one.client_id);
  assert.deepEqual(texts(), ["one", "two"]);
});

test("a failed one that is sent again keeps its place", () => {
  const box = outbox();
  box.opened();
  const one = box.add(post("one"));
  box.add(post("two"));
  box.refused({ client_id: one.client_id, code: "conflict", detail: "" });
  box.retry(one.client_id);
  assert.deepEqual(texts(), ["one", "one"]);
});

test("rate_limited goes again by itself after retry_after, in order", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const box = outbox();
  box.opened();
  const one = box.add(post("one"));
  box.add(post("two"));
  box.refused({ client_id: one.client_id, code: "rate_limited", detail: "", retry_after: 12 });
  assert.equal(box.items[0].state, "waiting");
  t.mock.timers.tick(11_999);
  assert.deepEqual(texts(), ["one"]);
  t.mock.timers.tick(1);
  assert.deepEqual(texts(), ["one", "one"]);
});

test("a receipt that stays out makes the socket suspect, not the message", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let suspected = 0;
  const box = outbox({ onsuspect: () => suspected++ });
  box.opened();
  const { client_id: id } = box.add(post("one"));
  t.mock.timers.tick(8_000);
  assert.equal(suspected, 1);
  assert.equal(box.items[0].state, "sending");
  box.receipt(id);
  t.mock.timers.tick(60_000);
  assert.equal(suspected, 1);
});

test("a receipt in time suspects nobody", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let suspected = 0;
  const box = outbox({ onsuspect: () => suspected++ });
  box.opened();
  box.receipt(box.add(post("one")).client_id);
  t.mock.timers.tick(60_000);
  assert.equal(suspected, 0);
});

test("no socket under it: it stays first in line", () => {
  wire = false;
  const box = outbox();
  box.opened();
  box.add(post("one"));
  assert.equal(box.items[0].state, "waiting");
  wire = true;
  box.opened();
  assert.deepEqual(texts(), ["one"]);
});

test("works where storage is forbidden, full, or holds rubbish", () => {
  const broken = { getItem: () => "{", setItem: () => { throw new Error("full"); }, removeItem() {} };
  for (const given of [null, broken]) {
    const box = outbox({ storage: given });
    box.opened();
    box.receipt(box.add(post("one")).client_id);
    assert.equal(box.items.length, 0);
  }
});

test("client ids are new each time, and of the form that the server takes", () => {
  const ids = new Set(Array.from({ length: 1000 }, newClientId));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{8,64}$/);
});

test("what was written more than a day ago waits for its author's word, and so does what stands behind it", (context) => {
  context.mock.timers.enable({ apis: ["Date", "setTimeout"] });
  const before = outbox();
  const [old, next] = [before.add(post("old")), before.add(post("next"))];
  context.mock.timers.tick(25 * 3_600_000);
  const after = outbox();
  after.opened();
  assert.deepEqual(texts(), []);
  assert.deepEqual(after.items.map(({ state }) => state), ["failed", "waiting"]);
  after.retry(old.client_id);
  after.receipt(old.client_id);
  assert.deepEqual(texts(), ["old", "next"]);
  assert.equal(after.items[0].client_id, next.client_id);
});

test("a clock that is set back keeps nothing waiting", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 172_800_000 });
  const box = outbox();
  box.opened();
  const one = box.add(post("one"));
  box.refused({ client_id: one.client_id, code: "rate_limited", detail: "", retry_after: 12 });
  t.mock.timers.setTime(86_400_000);
  box.opened();
  t.mock.timers.tick(60_000);
  assert.deepEqual(texts(), ["one", "one"]);
});

test("what waits when the room is closed to its author says so, and is sent if they are let in again", () => {
  const box = outbox();
  wire = false;
  const early = box.add(post("early"));
  box.over();
  box.add(post("late"));
  box.retry(early.client_id);
  assert.deepEqual(box.items.map(({ state, code }) => [state, code]), [["failed", "gone"], ["failed", "gone"]]);
  wire = true;
  box.opened();
  box.receipt(early.client_id);
  assert.deepEqual(texts(), ["early", "late"]);
});
