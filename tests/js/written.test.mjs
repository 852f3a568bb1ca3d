// What a person wrote looks the same before the server's HTML is there: letter by letter, fences and ticks as code.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeElement } from "./dom.mjs";
import { vectors } from "./vectors.mjs";

const { Written } = await import("../../static/rooms/written.js");

function drawn(text) {
  const box = new FakeElement("div");
  new Written(box).append(text);
  return box.childNodes.map((node) => node.html).join("");
}

/** Without what only the server makes: links, colours, what else stands behind a fence. */
const plain = (html) =>
  html
    .replace(/<span class="host".*?<\/span>|<\/?a\b[^>]*>|<p class="info">.*?<\/p>/gs, "")
    .replace(/<span class="\w{1,2}">(.*?)<\/span>/gs, "$1")
    .replaceAll(' tabindex="0"', "")
    .replaceAll("&nbsp;", "\u00a0");

for (const { text, html } of vectors("written")) {
  test(`looks as the server draws it: ${JSON.stringify(text)}`, () => assert.equal(drawn(text), plain(html)));
}

test("what is drawn anew takes the place of what was drawn", () => {
  const box = new FakeElement("div");
  const written = new Written(box);
  written.append("a");
  written.append("\n```\nb");
  assert.equal(box.textContent, "a\nb");
  const [text, figure] = written.release();
  written.append("c");
  assert.deepEqual([text.className, figure.className, box.textContent], ["written", "code", "a\nbc"]);
});

test("as long a text as may be sent is drawn in no time, whatever it is", () => {
  const runs = Array.from({ length: 250 }, (_, at) => `${"`".repeat(at + 1)}a`).join("");
  for (const text of ["\n".repeat(32_000), "`a".repeat(16_000), "```\n".repeat(8_000), "word ".repeat(6_400), runs]) {
    const started = process.cpuUsage();
    drawn(text);
    assert.ok(process.cpuUsage(started).user < 1_000_000, text.slice(0, 10));
  }
});
