// What a person wrote, as they wrote it: every line, space and sign. Fences and ticks are code. The twin of
// rooms/rendering/written.py, whose HTML takes its place; links and colours come with that. tests/vectors holds them equal.

import { newFigure } from "./dress.js";

const LINE = /[^\n]*\n|[^\n]+/g;
const FENCE = /^ {0,3}(`{3,}(?!.*`)|~{3,})(.*)\n?$/s;

/** Draws like a `Tail`, but never a half of a text: what a person wrote is there at once. */
export class Written {
  #roots = [];
  #text = "";

  constructor(box) {
    this.box = box;
  }

  get leaf() {
    return null;
  }

  append(text) {
    if (!text) return;
    this.#text += text;
    for (const root of this.#roots) root.remove();
    this.#roots = pieces(this.#text.replace(/\r\n?/g, "\n")).map(drawn);
    this.box.append(...this.#roots);
  }

  /** Begin again; what is drawn is left where it stands, and handed over. */
  release() {
    const roots = this.#roots;
    this.#roots = [];
    this.#text = "";
    return roots;
  }
}

/** Text and code in their order: {text} or {code, info}. A fence without an end goes on to the text's. */
function pieces(text) {
  const found = [];
  let lines = [];
  let fence = null;
  const end = (piece) => {
    found.push(piece);
    lines = [];
  };
  for (const [line] of text.matchAll(LINE)) {
    const opens = fence ? null : FENCE.exec(line);
    if (opens) {
      if (lines.length) end({ text: lines.join("") });
      fence = opens;
    } else if (fence && closes(line, fence[1])) {
      end({ code: lines.join(""), info: fence[2] });
      fence = null;
    } else {
      lines.push(line);
    }
  }
  if (fence) end({ code: lines.join(""), info: fence[2] });
  else if (lines.length) end({ text: lines.join("") });
  return found;
}

const closes = (line, mark) => new RegExp(`^ {0,3}${mark[0]}{${mark.length},}[ \\t]*\\n?$`).test(line);

function drawn({ text, code, info }) {
  if (code !== undefined) {
    const { figure, inside } = newFigure(info);
    inside.textContent = code;
    return figure;
  }
  const node = document.createElement("div");
  node.className = "written";
  node.append(...text.match(LINE).flatMap(nodesOf).reduce(joined, []));
  return node;
}

/** Neighbours that are text become one node, as the server's HTML has it. */
function joined(nodes, next) {
  const before = nodes.at(-1);
  if (next.nodeType === Node.TEXT_NODE && before?.nodeType === Node.TEXT_NODE) before.appendData(next.data);
  else nodes.push(next);
  return nodes;
}

function nodesOf(line) {
  const nodes = [];
  let at = 0;
  for (const { start, end, code } of spans(line)) {
    if (start > at) nodes.push(document.createTextNode(line.slice(at, start)));
    const node = document.createElement("code");
    node.textContent = code;
    nodes.push(node);
    at = end;
  }
  if (at < line.length) nodes.push(document.createTextNode(line.slice(at)));
  return nodes;
}

/** What stands between two runs of as many ticks. */
function spans(line) {
  const runs = [...line.matchAll(/`+/g)].map(({ 0: ticks, index }) => ({ start: index, end: index + ticks.length }));
  const later = new Map();
  for (let at = runs.length - 1; at >= 0; at--) {
    const length = runs[at].end - runs[at].start;
    runs[at].closing = later.get(length);
    later.set(length, at);
  }
  const found = [];
  for (let at = 0; at < runs.length; at = (runs[at].closing ?? at) + 1) {
    const closing = runs[runs[at].closing];
    if (!closing) continue;
    const code = line.slice(runs[at].end, closing.start);
    found.push({ start: runs[at].start, end: closing.end, code: /^ .*[^ ].* $/s.test(code) ? code.slice(1, -1) : code });
  }
  return found;
}
