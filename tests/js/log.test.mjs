import assert from "node:assert/strict";
import { test } from "node:test";

import { RoomLog, emptyState, fold, isTerminal, sequenceOf, shown, versions, waits } from "../../static/rooms/log.js";
import { vectors } from "./vectors.mjs";

for (const { name, state, items, expected } of vectors("fold")) {
  test(`fold: ${name}`, () => assert.deepEqual(fold(state, items), expected));
}

for (const { name, room, items, shown: expected, versions: beside, waits: waiting } of vectors("branches")) {
  test(`branches: ${name}`, () => {
    const state = fold({ room, members: {}, messages: [] }, items);
    assert.deepEqual(shown(state).map(({ id }) => id), expected);
    assert.deepEqual(shown(state).map((message) => versions(state, message)), beside);
    assert.deepEqual(shown(state).filter((message) => waits(state, message)).map(({ id }) => id), waiting);
  });
}

for (const { name, snapshot, steps, expected } of vectors("frames")) {
  test(`reader: ${name}`, () => {
    const log = new RoomLog(snapshot);
    for (const { frame, cursor, applied = 0, gap = false, level = false, mismatch = [], unknown } of steps) {
      const outcome = log.receive(frame);
      assert.equal(log.cursor, cursor);
      assert.deepEqual(
        { applied: outcome.applied, gap: outcome.gap, level: outcome.level, mismatch: outcome.mismatch },
        { applied, gap, level, mismatch },
      );
      if (unknown !== undefined) assert.equal(log.unknown, unknown);
    }
    assert.deepEqual(log.state, expected);
  });
}

const room = (more = {}) => ({ cursor: "0.0", ...emptyState(), ...more });
const opened = (seq, id, more = {}) => ({
  seq, at: "2026-11-22T14:02:00.000Z", kind: "opened",
  message: { id, role: "assistant", author: null, text: "", status: "queued", digest: "00000000", parent: null, ...more },
});
const appended = (seq, message, text) => ({ seq, at: "", kind: "appended", message, text, part: "text" });
const deltas = (...items) => ({ type: "deltas", items, cursor: `${items.at(-1).seq}.x` });

test("any cut of a log into frames, with any of them doubled, lost or swapped, ends in the same state after a repair", () => {
  const items = [opened(1, "a1"), ...Array.from({ length: 60 }, (_, index) => appended(index + 2, "a1", `piece ${index} 🙂\n`))];
  const whole = new RoomLog(room());
  whole.receive(deltas(...items));
  let seed = 7;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 300; round++) {
    const frames = [];
    for (let from = 0; from < items.length; ) {
      const to = from + 1 + random(6);
      frames.push(items.slice(from, to));
      from = to;
    }
    const sent = frames.flatMap((frame) => [[frame], [frame, frame], [], [frame]][random(4)]);
    if (sent.length > 3) sent.splice(random(sent.length - 2), 2, ...sent.slice(1, 3).reverse());
    const log = new RoomLog(room());
    for (const frame of sent) log.receive(deltas(...frame));
    const missing = items.filter((item) => item.seq > log.seq);
    if (missing.length) log.receive(deltas(...missing));
    assert.deepEqual(log.state, whole.state);
    assert.equal(log.cursor, whole.cursor);
    assert.equal(log.gapped, false);
  }
});

test("changes name what the view has to touch, and the text that an answer was opened with", () => {
  const log = new RoomLog(room());
  const { changes } = log.receive(deltas(opened(1, "a1", { text: "", status: "queued" }), appended(2, "a1", "Hi"), appended(3, "b9", "?")));
  assert.deepEqual(changes, [
    { kind: "opened", id: "a1", text: "", reasoning: undefined },
    { kind: "appended", id: "a1", part: "text", text: "Hi" },
  ]);
});

test("HTML of a part is for the view, where it has that part; a frame of another part is not taken for the text's", () => {
  const log = new RoomLog(room());
  log.receive(deltas(opened(1, "a1", { text: "", status: "queued" }), { ...appended(2, "a1", "Hm."), part: "reasoning" }));
  const frame = { type: "rendered_part", message: "a1", part: "reasoning", from: 0, to: 3, html: "<p>Hm.</p>" };
  const { type, message, ...body } = frame;
  assert.deepEqual(log.receive(frame).changes, [{ kind: "rendered", id: "a1", ...body }]);
  assert.deepEqual(log.receive({ ...frame, to: 4 }).changes, []);
  assert.deepEqual(log.receive({ ...body, type: "rendered", message: "a1", part: undefined }).changes, [], "of its text nothing is there");
  assert.equal(log.unknown, 0);
});

test("earlier messages go in front, none of them twice, and leave the cursor alone", () => {
  const log = new RoomLog(room({ cursor: "9.x", messages: [{ id: "m3", text: "", digest: "00000000", seq: 9 }], earlier: "t1" }));
  const page = { messages: [{ id: "m1", text: "", seq: 1 }, { id: "m2", text: "", seq: 2 }, { id: "m3", text: "old", seq: 3 }], earlier: "t0" };
  const shown = log.prepend(page);
  assert.deepEqual(shown.map(({ id }) => id), ["m1", "m2", "m3"]);
  assert.equal(shown[2].seq, 9, "what is held is newer than the page");
  assert.deepEqual(log.messages.map(({ id }) => id), ["m1", "m2", "m3"]);
  assert.equal(log.earlier, "t0");
  assert.equal(log.cursor, "9.x");
  assert.equal(log.prepend({ messages: [] }).length, 0);
  assert.equal(log.earlier, null);
});

test("an old answer that is still open takes its place among the earlier messages", () => {
  const messages = [{ id: "m2", text: "", seq: 9 }, { id: "m5", text: "", seq: 5 }];
  const log = new RoomLog(room({ cursor: "9.x", messages, earlier: "t1" }));
  log.prepend({ messages: [{ id: "m2", text: "", seq: 2 }, { id: "m3", text: "", seq: 3 }, { id: "m4", text: "", seq: 4 }] });
  assert.deepEqual(log.messages.map(({ id }) => id), ["m2", "m3", "m4", "m5"]);
});

test("a snapshot is copied: what happens later does not write into the page's JSON", () => {
  const snapshot = room({ messages: [{ id: "a1", role: "assistant", text: "", status: "streaming", digest: "00000000", seq: 0 }] });
  const log = new RoomLog(snapshot);
  log.receive(deltas(appended(1, "a1", "Hi")));
  assert.equal(snapshot.messages[0].text, "");
});

test("the sequence of a token, and which statuses are final", () => {
  assert.equal(sequenceOf("418.9f3a1c7e41d0b2aa"), 418);
  assert.equal(sequenceOf(""), 0);
  assert.deepEqual(
    ["queued", "streaming", "complete", "stopped", "incomplete", "failed", "interrupted"].map((status) => isTerminal({ status })),
    [false, false, true, true, true, true, true],
  );
});

test("who asked for an answer: its asker, else the author of its question, else nobody knows", () => {
  const log = new RoomLog(room());
  const items = [
    opened(1, "q", { role: "user", author: "ada", status: "complete" }),
    opened(2, "first", { parent: "q" }),
    opened(3, "again", { parent: "q", asker: "ben" }),
    opened(4, "orphan", { parent: "elsewhere" }),
  ];
  log.receive({ type: "deltas", items, cursor: "4.0" });
  assert.deepEqual(["first", "again", "orphan"].map((id) => log.askerOf(log.message(id))), ["ada", "ben", undefined]);
});
