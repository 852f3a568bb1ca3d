// Where mathematics stands in a line, by the rules of rooms/rendering/formulas.py, and how much room it will take. One
// whose end has not come yet counts as one, where it can hardly be anything else. Pure.

const DOLLARS = /\$\$(?!\$)((?:\\[^]|\$(?!\$)|[^$\\])+)\$\$(?!\$)|\$(?![\s$])((?:\\[^]|[^$\\])+)(?<!\s)\$(?!\$)/y;
const OPEN_DOLLARS = /\$\$(?![\s$]*$)((?:\\[^]|\$(?!\$)|[^$\\])+)\$?$|\$(?![\s$\d])((?:\\[^]?|[^$\\])+)$/y;
const STUCK = /[0-9A-Za-z$\\]/;
const GOES_ON = /(?!(?:st|nd|rd|th|s)\b)[0-9A-Za-z_{(]/y;
const PROSE = /^[\d.,]+\s+[A-Za-z]{2,}|(?:^|[\s(])[A-Za-z]{2,}[,.]?\s+[A-Za-z]{2,}(?:$|[\s,.)])/;
const SIGNS = /[\\^_={}]/;

/** {0: what it takes up, text, block} of the formula that begins there, or null. */
export function formulaAt(source, at) {
  return source[at] === "$" ? betweenDollars(source, at) : betweenBrackets(source, at);
}

function betweenDollars(source, at) {
  if (at && STUCK.test(source[at - 1])) return null;
  DOLLARS.lastIndex = OPEN_DOLLARS.lastIndex = at;
  const closed = DOLLARS.exec(source);
  const found = closed ?? OPEN_DOLLARS.exec(source);
  if (!found) return null;
  GOES_ON.lastIndex = at + found[0].length;
  const text = found[1] ?? found[2];
  const signs = SIGNS.test(text);
  if (!text.trim() || GOES_ON.test(source) || (PROSE.test(text) && !signs) || (!closed && !signs)) return null;
  return { 0: found[0], text: text.trim(), block: found[1] !== undefined };
}

function betweenBrackets(source, at) {
  const closing = { "\\(": "\\)", "\\[": "\\]" }[source.slice(at, at + 2)];
  if (!closing) return null;
  const end = source.indexOf(closing, at + 2);
  const text = source.slice(at + 2, end < 0 ? undefined : end).trim();
  return text ? { 0: source.slice(at, end < 0 ? undefined : end + 2), text, block: closing === "\\]" } : null;
}

/** The class of the place that is kept for it. */
export function roomFor(tex, block) {
  const rows = tex.split("\\\\").length - 1;
  const signs = tex.replace(/\\[A-Za-z]+|\\./g, "x").replace(/[\s{}^_$]/g, "").length;
  if (block) return `math block pending high${Math.min(3, rows)}`;
  return `math pending wide${signs > 24 ? 3 : signs > 10 ? 2 : signs > 3 ? 1 : 0}`;
}
