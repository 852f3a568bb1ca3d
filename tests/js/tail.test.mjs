// The block that is being written looks as its finished HTML will: same elements, same text, however it arrives.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeElement } from "./dom.mjs";
import { vectors } from "./vectors.mjs";

const { Tail } = await import("../../static/rooms/tail.js");
const { runs } = await import("../../static/rooms/inline.js");

function drawn(text, size = text.length) {
  const box = new FakeElement("div");
  const tail = new Tail(box);
  for (let from = 0; from < text.length; from += size) tail.append(text.slice(from, from + size));
  tail.append("\n");
  return box.childNodes.map((node) => node.html).join("");
}

/** Without what only the finished block has: colours, addresses, drawn mathematics; and without space between blocks. */
const plain = (html) =>
  html
    .replace(/<span class="\w{1,2}">(.*?)<\/span>/gs, "$1")
    .replace(/<span class="formula">(.*?)<\/span>/gs, "$1")
    .replace(/<math.*?<\/math>|<code class="math[^"]*">.*?<\/code>/gs, "MATH")
    .replace(/<\/(strong|em|s)>(\s*)<\1>/g, "$2")
    .replace(/ (?:href|target|rel|tabindex|dir)="[^"]*"/g, "")
    .replace(/(<span class="check">. <\/span>)<p>/g, "$1")
    .replace(/<li>\s*<p>|<\/p>(?=\s*(?:<\/li>|<[uo]l>|<p class="math">))/g, (tag) => (tag.startsWith("<li>") ? "<li>" : ""))
    .replace(/<(\/?)(ul|ol|li|p|h\d|blockquote|figure|figcaption|pre|table|thead|tbody|tr|th|td|div|hr)([^>]*)>\s*/g, "<$1$2$3>")
    .replace(/\s+(?=<\/?(?:ul|ol|li|p|h\d|blockquote|figure|pre|code|table|tr|th|td|div|hr)\b)/g, "")
    .trim();

for (const { text, html } of vectors("prose")) {
  test(`looks finished while it is written: ${JSON.stringify(text)}`, () => {
    const expected = plain(html);
    for (const size of [1, 2, 7, 1000]) assert.equal(plain(drawn(text, size)), expected, `in pieces of ${size}`);
  });
}

test("every beginning of a text is drawn without a fault, and shows its words", () => {
  for (const { text } of vectors("prose")) {
    for (let end = 0; end <= text.length; end++) drawn(text.slice(0, end), 3);
  }
});

test("what is drawn stays: a word more touches one text node", () => {
  const box = new FakeElement("div");
  const tail = new Tail(box);
  tail.append("A **strong** word and ");
  const [paragraph] = box.childNodes;
  const [before, strong, after] = paragraph.childNodes;
  tail.append("another one");
  assert.deepEqual(paragraph.childNodes, [before, strong, after]);
  assert.equal(after.data, " word and another one");
});

test("marks that are not closed yet already show what they mean, where they seldom mean anything else", () => {
  assert.deepEqual(runs("**bold"), [{ text: "bold", marks: "strong" }]);
  assert.deepEqual(runs("`code"), [{ text: "code", marks: "code" }]);
  assert.deepEqual(runs("5 * 3 *x"), [{ text: "5 * 3 *x", marks: "" }]);
  assert.deepEqual(runs("[a](https://example.org"), [{ text: "a", marks: "a", host: "example.org" }]);
});

test("a formula that is still written is the place it will take, and money is money", () => {
  const kinds = (source) => runs(source).map(({ text, marks }) => [text, marks]);
  assert.deepEqual(kinds("so $\\frac{a}{b"), [["so ", ""], ["\\frac{a}{b", "math"]]);
  assert.deepEqual(kinds("so \\(x"), [["so ", ""], ["x", "math"]]);
  assert.deepEqual(kinds("so \\[x\\] and"), [["so ", ""], ["x", "block"], [" and", ""]]);
  for (const text of ["it costs $5 and", "it costs $5 and $10", "echo $HOME", "$HOME:$PATH", "US$5", "5$ or 6$", "kill $$", "$$"]) {
    assert.deepEqual(kinds(text), [[text, ""]], text);
  }
});

test("a display is a place too, and its source where it was none", () => {
  assert.equal(drawn("$$\nx^2\n$$"), '<p class="math"><code class="math block pending high0">x^2</code></p>');
  assert.equal(drawn("$$\na \\\\ b"), '<p class="math"><code class="math block pending high1">a \\\\ b</code></p>');
  assert.equal(drawn("$$\nx\n\nmore"), "<p>$$\nx</p><p>more</p>");
  assert.match(drawn("$$ x^2 $$ and more"), /^<p><code class="math block pending high0">x\^2<\/code> and more<\/p>$/);
});

test("a paragraph without an end loses no space where its marks are not drawn any more", () => {
  const text = Array.from({ length: 3_000 }, (_, number) => `w${number} `).join("");
  for (const size of [1, 5, 333]) assert.equal(drawn(text, size).replace(/<[^>]*>/g, "").trim(), text.trim());
});

test("a very long paragraph, a deep nest and a line of marks end", () => {
  for (const text of ["word **x** ".repeat(9_000), "> ".repeat(5_000), "- ".repeat(5_000), "[".repeat(5_000), "*a".repeat(2_000), "`".repeat(4_000), "|".repeat(5_000)]) {
    const started = process.cpuUsage();
    drawn(text, 4_000);
    assert.ok(process.cpuUsage(started).user < 2_000_000, text.slice(0, 10));
  }
});
