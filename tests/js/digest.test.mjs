import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY_DIGEST, digest } from "../../static/rooms/digest.js";
import { vectors } from "./vectors.mjs";

for (const { name, text, length, digest: expected, pieces } of vectors("digest")) {
  test(`digest of ${name}`, () => {
    assert.equal(digest(text), expected);
    assert.equal(text.length, length);
  });

  test(`digest of ${name}, piece by piece`, () => {
    assert.equal(pieces.join(""), text);
    assert.equal(pieces.reduce((before, piece) => digest(piece, before), EMPTY_DIGEST), expected);
  });
}

test("a lone surrogate counts as U+FFFD, as every UTF-8 encoder writes it", () => {
  for (const lone of ["\ud83d", "\ude42", "a\ud83db", "\ude42\ud83d"]) {
    assert.equal(digest(lone), digest(new TextDecoder().decode(new TextEncoder().encode(lone))));
  }
});

test("a megabyte is no matter", () => {
  const text = "Grüße 断线 🙂 and some plain words. ".repeat(32_000);
  const before = performance.now();
  digest(text);
  assert.ok(performance.now() - before < 1_000);
});
