import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeElement } from "./dom.mjs";

const { grow } = await import("../../static/rooms/growing.js");

/** What a reader sees: hidden nodes left out, blocks on lines of their own, a line end at a block's end without effect. */
function seen(node) {
  const blocks = node.childNodes.filter((child) => !child.hidden).map((child) => child.textContent);
  return blocks.map((text, index) => (index < blocks.length - 1 ? text.replace(/\n$/, "") : text)).join("\n");
}

function randomText(random) {
  const words = ["word", "\n", "\n\n", "longer words here", "🙂", "断线", " ", "x".repeat(50), "\n- item"];
  return Array.from({ length: 3_000 }, () => words[random(words.length)]).join(" ");
}

test("cut into any deltas, the text is exact, and looks the same as in one piece", () => {
  let seed = 11;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 20; round++) {
    const text = randomText(random);
    const node = new FakeElement("div");
    for (let from = 0; from < text.length; ) {
      const to = Math.min(text.length, from + 1 + random(round < 10 ? 9 : 9_000));
      grow(node, text.slice(from, to));
      from = to;
    }
    assert.equal(node.textContent, text);
    assert.equal(seen(node), text);
    assert.ok(node.childNodes.length > 4);
  }
});

test("a paragraph without an end is broken at spaces, and never inside of a pair", () => {
  const node = new FakeElement("div");
  const text = "word ".repeat(20_000) + "🙂".repeat(40_000);
  for (let from = 0; from < text.length; from += 101) grow(node, text.slice(from, from + 101));
  assert.equal(node.textContent, text);
  for (const piece of node.childNodes) assert.ok(piece.textContent.length <= 16_384);
  const whole = new FakeElement("div");
  grow(whole, text);
  for (const piece of whole.childNodes) assert.ok(piece.textContent.isWellFormed?.() ?? true);
});
