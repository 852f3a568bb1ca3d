import assert from "node:assert/strict";
import { test } from "node:test";

import { Playback, curve, lengthAt, recordingOf } from "../../static/rooms/playback.js";

const at = (ms) => new Date(1_700_000_000_000 + ms).toISOString();
const appended = (ms, text, part = "text") => ({ kind: "appended", part, text, at: at(ms) });
const ITEMS = [
  { kind: "started", at: at(0) },
  appended(500, "hm", "reasoning"),
  appended(1_000, "One "),
  appended(1_500, "two "),
  appended(4_000, "three."),
  { kind: "closed", at: at(4_200) },
];

test("a recording has the pieces of the text, with their times from the start", () => {
  const recording = recordingOf(ITEMS);
  assert.equal(recording.text, "One two three.");
  assert.deepEqual(recording.pieces, [{ at: 1_000, end: 4 }, { at: 1_500, end: 8 }, { at: 4_000, end: 14 }]);
  assert.equal(recording.duration, 4_200);
});

test("without text there is nothing to play; without its end, or its start, there is", () => {
  assert.equal(recordingOf([]), null);
  assert.equal(recordingOf([ITEMS[0], ITEMS[1], ITEMS.at(-1)]), null);
  assert.equal(recordingOf(ITEMS.slice(0, -1)).duration, 4_000);
  const late = recordingOf(ITEMS.slice(3));
  assert.deepEqual([late.text, late.pieces[0].at], ["two three.", 0]);
});

test("what a continued answer begins with stands there from the start", () => {
  const recording = recordingOf([appended(-9_000, "Before "), { kind: "started", at: at(0) }, appended(100, "after")]);
  assert.equal(lengthAt(recording.pieces, 0), 7);
});

test("at any moment it shows what stood there then, forwards and backwards", () => {
  const playback = new Playback(recordingOf(ITEMS));
  for (const [position, text] of [[0, ""], [999, ""], [1_000, "One "], [3_999, "One two "], [1_500, "One two "], [4_200, "One two three."], [-5, ""], [9e9, "One two three."]]) {
    playback.seek(position);
    assert.equal(playback.text, text, String(position));
  }
});

test("it runs with its own timing, and 4 and 16 times as fast", () => {
  for (const speed of [1, 4, 16]) {
    const playback = new Playback(recordingOf(ITEMS));
    playback.speed = speed;
    playback.toggle();
    playback.advance(1_500 / speed);
    assert.deepEqual([playback.text, playback.playing], ["One two ", true]);
    playback.advance(2_700 / speed);
    assert.deepEqual([playback.text, playback.playing, playback.ended], ["One two three.", false, true]);
  }
});

test("paused it stands still; at the end, playing begins anew", () => {
  const playback = new Playback(recordingOf(ITEMS));
  playback.advance(5_000);
  assert.equal(playback.position, 0);
  playback.seek(9e9);
  playback.toggle();
  assert.deepEqual([playback.position, playback.playing], [0, true]);
});

test("the curve goes from the bottom left to the top right", () => {
  const path = curve(recordingOf(ITEMS), 600, 48, 3);
  assert.equal(path, "M0 48L0.0 48.0L200.0 34.3L400.0 20.6L600.0 0.0L600 48Z".replace("34.3", path.match(/200\.0 ([\d.]+)/)[1]).replace("20.6", path.match(/400\.0 ([\d.]+)/)[1]));
  const heights = [...path.matchAll(/L[\d.]+ ([\d.]+)/g)].slice(0, 4).map(([, y]) => Number(y));
  assert.deepEqual(heights, heights.toSorted((a, b) => b - a));
});
