import assert from "node:assert/strict";
import { test } from "node:test";

import { judge } from "../../static/rooms/sync-verdict.js";

const tab = (number, changes = {}, shown = "text") => {
  const state = { state: "live", cursor: "9.aa", digest: "12345678", length: 4, ...changes };
  return { tab: number, seq: Number.parseInt(state.cursor, 10), state, shown };
};
const LONG_STILL = 1_000;

test("tabs that are not there yet are waited for", () => {
  assert.equal(judge([tab("1"), { tab: "2", seq: 0, state: null, shown: "" }], LONG_STILL).state, "waiting");
});

test("identical needs the same cursor, digest, length, and the same text on the page", () => {
  assert.deepEqual(judge([tab("1"), tab("2"), tab("3")], LONG_STILL), { state: "identical", key: "identical", values: { digest: "12345678", n: 4 } });
  for (const changes of [{ digest: "00000000" }, { length: 5 }, { cursor: "9.bb" }]) {
    assert.equal(judge([tab("1"), tab("2", changes)], LONG_STILL).state, "different", JSON.stringify(changes));
  }
  assert.equal(judge([tab("1"), tab("2", {}, "drawn otherwise")], LONG_STILL).state, "moving");
  assert.equal(judge([tab("1"), tab("2", {}, "drawn otherwise")], 5_000).state, "different");
});

test("the one that is furthest behind is named, cut or not", () => {
  const verdict = judge([tab("1"), tab("2", { cursor: "7.cc" }), tab("3", { cursor: "4.dd", state: "cut" })], LONG_STILL);
  assert.deepEqual(verdict, { state: "behind", key: "behind", values: { tab: "3", n: 5 } });
});

test("while all are live and text streams, nobody is blamed for a tenth of a second", () => {
  assert.equal(judge([tab("1"), tab("2", { cursor: "8.cc" })], 100).state, "moving");
  assert.equal(judge([tab("1"), tab("2", { cursor: "8.cc", state: "cut" })], 100).state, "behind");
});

test("nothing said yet is identical, too", () => {
  assert.equal(judge([tab("1", { length: 0 }), tab("2", { length: 0 })], LONG_STILL).key, "empty");
});
