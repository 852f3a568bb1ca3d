// Every colour that text is shown in, against every surface it is shown on, in both themes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../../static/rooms/tokens.css", import.meta.url), "utf8");
const tokens = new Map(
  Array.from(css.matchAll(/--([\w-]+):\s*light-dark\((#\w{6}),\s*(#\w{6})\)/g), ([, name, light, dark]) => [name, { light, dark }]),
);

const PAIRS = [
  ["text", "code"],
  ...["c-key", "c-str", "c-fn", "c-num", "c-com"].map((colour) => [colour, "sunken"]),
  ...["bg", "surface", "sunken", "raised", "hover", "accent-soft"].flatMap((surface) => [["text", surface], ["text-2", surface]]),
  ...["bg", "surface", "sunken", "accent-soft"].map((surface) => ["text-3", surface]),
  ...["bg", "surface", "accent-soft"].map((surface) => ["accent", surface]),
  ...["ok", "warn", "bad"].flatMap((state) => [[state, `${state}-soft`], [state, "bg"]]),
  ["accent-ink", "accent"],
  ["bg", "text"],
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((person) => ["on-person", `p${person}`]),
];

const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const luminance = (hex) => {
  const [red, green, blue] = [1, 3, 5].map((at) => channel(Number.parseInt(hex.slice(at, at + 2), 16) / 255));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};

for (const theme of ["light", "dark"]) {
  test(`text can be read in ${theme}: 4.5 to 1`, () => {
    const weak = PAIRS.map(([ink, paper]) => [ink, paper, contrast(tokens.get(ink)[theme], tokens.get(paper)[theme])]);
    assert.deepEqual(weak.filter(([, , ratio]) => ratio < 4.5), []);
  });

  test(`edges of controls are seen in ${theme}: 3 to 1`, () => {
    for (const paper of ["bg", "surface", "sunken"]) {
      assert.ok(contrast(tokens.get("line-strong")[theme], tokens.get(paper)[theme]) >= 3, paper);
    }
  });
}
