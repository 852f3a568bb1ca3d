// Who chooses so hears each paragraph of an answer once it is finished, and nothing of what the model thinks.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeElement } from "./dom.mjs";

document.getElementById = (id) => (id === "words" ? null : new FakeElement("div"));
const { Announcer } = await import("../../static/rooms/announcer.js");

test("paragraphs of the text are said once, and those of the thought before it are not", () => {
  const announcer = new Announcer({ me: "m1", model: "m" });
  announcer.readByParagraph(true);
  const message = { id: "a1", text: "One.\n\nTwo.\n\nTh", reasoning: "Hm.\n\nSo.", status: "streaming" };
  const log = { message: () => message };
  const rendered = (part, from, to) => ({ kind: "rendered", id: "a1", part, from, to, html: "" });
  announcer.changes([rendered("reasoning", 0, 5), rendered("text", 0, 6), rendered("reasoning", 5, 8), rendered("text", 6, 12)], log);
  assert.deepEqual(announcer.log.childNodes.map((line) => line.textContent), ["One.", "Two."]);
});
