// The block that is still being written: looks as its finished HTML will, and is made of elements and text nodes only.
// Each line is looked at once; the paragraph at the end is drawn again as it grows, up to a bound.

import { newFigure } from "./dress.js";
import { roomFor } from "./formulas.js";
import { grow } from "./growing.js";
import { runs } from "./inline.js";

const DEEPEST = 8;
const LONGEST = 4_096; // of a paragraph whose marks are still drawn

const FENCE = /^ {0,3}(`{3,}(?!.*`)|~{3,})(.*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+|$)/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])( {1,4}|\t|$)/;
const QUOTE = /^ {0,3}> ?/;
const ROW = /^ {0,3}\|/;
const DELIMITERS = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const DISPLAY = /^ {0,3}(\$\$|\\\[)/;
const TASK = /^\[([ xX])\][ \t]+(?=\S)/;
// The beginning of a line that may still become anything.
const UNSURE = /^(?:[\s\-*+_=#>`~$|:\\[]*|\s*\d{1,9}[.)]?\s*)$/;

const element = (name, className) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  return made;
};

export class Tail {
  #roots = [];
  #held = ""; // a line whose kind is not clear yet
  #write = null; // takes the rest of a line whose kind is
  #block = null; // the open one: {kind, …}
  #gap = false;

  /** Appends to `box`. */
  constructor(box, depth = 0) {
    Object.assign(this, { box, depth });
    this.mayBeTask = box.localName === "li";
  }

  append(text) {
    const lines = text.split("\n");
    lines.forEach((line, index) => this.#take(line, index < lines.length - 1));
  }

  /** The element in which the next word will stand, or null. */
  get leaf() {
    if (this.#block?.child) return this.#block.child.leaf;
    if (!this.#block || this.#block.kind === "row" || this.#block.kind === "math") return null;
    const node = this.#block.rest ?? this.#block.node;
    const piece = node.lastChild; // of a text that grew long
    return piece?.nodeType === Node.ELEMENT_NODE && !piece.className && piece.localName === "span" ? piece : node;
  }

  /** Begin again; what is drawn is left where it stands, and handed over. */
  release() {
    const roots = this.#roots;
    this.#roots = [];
    this.#held = "";
    this.#write = this.#block = null;
    this.#gap = false;
    return roots;
  }

  #take(text, ends) {
    if (this.#write) {
      if (text) this.#write(text);
    } else {
      this.#held += text;
      if (ends || !this.#isUnsure(this.#held)) this.#begin(this.#held);
    }
    if (!ends) return;
    if (this.#block?.child) this.#block.child.append("\n");
    this.#held = "";
    this.#write = null;
  }

  #isUnsure(line) {
    if (this.#block?.kind === "code") return /^\s*[`~]*\s*$/.test(line);
    if (this.mayBeTask && /^\[(?:[ xX](?:\][ \t]*)?)?$/.test(line)) return true;
    return !line || UNSURE.test(line) || FENCE.test(line) || ROW.test(line) || DISPLAY.test(line) || this.#block?.kind === "math";
  }

  /** A line whose kind is clear: goes on with the open block, or begins another. */
  #begin(line) {
    const block = this.#block;
    if (this.mayBeTask) line = this.#task(line);
    if (block?.kind === "code") return this.#code(line);
    if (block?.kind === "math") return this.#math(line);
    if (block?.kind === "header" && this.#table(line)) return undefined;
    if (!line.trim()) {
      this.#gap = true;
      if (block?.kind !== "list") this.#block = null;
      return undefined;
    }
    const goesOn = block && this.#goOn(line);
    this.#gap = false;
    return goesOn ? undefined : this.#open(line);
  }

  #goOn(line) {
    const { kind } = this.#block;
    const lazy = !this.#gap && !startsBlock(line);
    if (kind === "p" && lazy) {
      this.#leaf("\n");
      this.#leaf(line);
      this.#write = (text) => this.#leaf(text);
    } else if (kind === "row" && line.includes("|")) {
      this.#row(line);
    } else if (kind === "quote" && (QUOTE.test(line) || lazy)) {
      this.#pass(line.replace(QUOTE, ""));
    } else if (kind === "list" && /^ */.exec(line)[0].length >= this.#block.indent) {
      this.#pass(line.slice(this.#block.indent));
    } else if (kind === "list" && ITEM.test(line) && !RULE.test(line) && this.#block.sort === sortOf(line)) {
      this.#item(line);
    } else if (kind === "list" && lazy) {
      this.#pass(line);
    } else {
      this.#block = null;
      return false;
    }
    return true;
  }

  #open(line) {
    const fence = FENCE.exec(line);
    const heading = HEADING.exec(line);
    if (fence) {
      const { figure, inside } = newFigure(fence[2]);
      this.#root(figure);
      this.#block = { kind: "code", fence: fence[1], node: inside };
    } else if (heading) {
      this.#paragraph(`h${Math.min(6, heading[1].length + 1)}`, line.slice(heading[0].length));
      this.#block.kind = "heading";
    } else if (RULE.test(line)) {
      this.#root(element("hr"));
    } else if (this.depth < DEEPEST && ITEM.test(line)) {
      const sort = sortOf(line);
      const list = this.#root(element(/\d/.test(ITEM.exec(line)[2]) ? "ol" : "ul"));
      list.dir = "auto";
      const first = Number.parseInt(ITEM.exec(line)[2], 10);
      if (first >= 0 && first !== 1) list.setAttribute("start", first);
      this.#block = { kind: "list", sort, node: list };
      this.#item(line);
    } else if (this.depth < DEEPEST && QUOTE.test(line)) {
      const quote = this.#root(element("blockquote"));
      quote.dir = "auto";
      this.#block = { kind: "quote", child: new Tail(quote, this.depth + 1) };
      this.#pass(line.replace(QUOTE, ""));
    } else if (DISPLAY.test(line)) {
      this.#display(line);
    } else {
      this.#paragraph("p", line.trimStart());
      if (ROW.test(line)) Object.assign(this.#block, { kind: "header", header: line });
    }
  }

  #pass(text) {
    const { child } = this.#block;
    child.append(text);
    this.#write = (more) => child.append(more);
  }

  #item(line) {
    const [whole, before, mark, space] = ITEM.exec(line);
    const item = this.#block.node.appendChild(element("li"));
    this.#block.child = new Tail(item, this.depth + 1);
    this.#block.indent = before.length + mark.length + Math.max(1, space.length);
    this.#pass(line.slice(whole.length));
  }

  /** The first line of an item without the box that it may begin with. */
  #task(line) {
    const [box, done] = TASK.exec(line) ?? [""];
    this.mayBeTask = false;
    if (!box) return line;
    this.box.className = "task";
    this.box.appendChild(element("span", "check")).textContent = done === " " ? "☐ " : "☑ ";
    return line.slice(box.length);
  }

  #code(line) {
    const { node, fence } = this.#block;
    if (line.trim().startsWith(fence) && !line.trim().replaceAll(fence[0], "")) {
      this.#block = null;
      return;
    }
    if (node.firstChild) grow(node, "\n");
    grow(node, line);
    this.#write = (text) => grow(node, text);
  }

  #display(line) {
    const end = DISPLAY.exec(line)[1] === "$$" ? "$$" : "\\]";
    const first = line.trim().slice(2);
    if (first.includes(end) && (!first.endsWith(end) || first.indexOf(end) < first.length - 2 || first === end)) {
      this.#paragraph("p", line.trimStart());
      return;
    }
    const node = this.#root(element("p", "math"));
    this.#block = { kind: "math", node, end, source: "", code: node.appendChild(element("code")) };
    this.#math(line.trim());
  }

  /** One more line of a display. A blank one says that it was none, and so does what stands behind its end. */
  #math(line) {
    const { node, end, source, code } = this.#block;
    const begun = source.length > 0;
    const closed = (begun ? line : line.slice(2)).includes(end);
    if (!line.trim() || (closed && !line.trimEnd().endsWith(end))) {
      const paragraph = element("p");
      node.replaceWith(paragraph);
      this.#roots[this.#roots.indexOf(node)] = paragraph;
      this.#block = { kind: "p", node: paragraph, source: "", runs: [] };
      this.#leaf([source, line].filter((part) => part.trim()).join("\n"));
      if (!line.trim()) this.#block = null;
      this.#gap = !line.trim();
      return;
    }
    this.#block.source = begun ? `${source}\n${line}` : line;
    code.textContent = this.#block.source.trim().slice(2).replace(closed ? end : "", "").trim();
    code.className = roomFor(code.textContent, true);
    if (closed) this.#block = null;
  }

  /** The line behind a row: delimiters make a table of both. */
  #table(line) {
    const { header, node } = this.#block;
    if (!DELIMITERS.test(line)) {
      this.#block.kind = "p";
      return false;
    }
    const box = element("div", "table");
    box.dir = "auto";
    const table = box.appendChild(element("table"));
    node.replaceWith(box);
    this.#roots[this.#roots.indexOf(node)] = box;
    const align = cells(line).map((cell) => (/:$/.test(cell) ? (/^:/.test(cell) ? "center" : "right") : /^:/.test(cell) ? "left" : ""));
    this.#block = { kind: "row", align, rows: table.appendChild(element("thead")), name: "th" };
    this.#row(header);
    Object.assign(this.#block, { rows: table.appendChild(element("tbody")), name: "td" });
    return true;
  }

  #row(line) {
    const { rows, name, align } = this.#block;
    const row = rows.appendChild(element("tr"));
    const texts = cells(line);
    align.forEach((side, column) => draw({ node: row.appendChild(element(name, side)), runs: [] }, texts[column] ?? ""));
  }

  #paragraph(name, line) {
    const node = this.#root(element(name));
    this.#block = { kind: "p", node, source: "", runs: [] };
    this.#leaf(line);
    this.#write = (text) => this.#leaf(text);
  }

  #leaf(text) {
    const leaf = this.#block;
    if (leaf.rest) {
      grow(leaf.rest, text);
      return;
    }
    const before = leaf.source;
    leaf.source += text;
    if (leaf.source.length <= LONGEST) draw(leaf, leaf.source);
    else grow((leaf.rest = leaf.node.appendChild(element("span", "rest"))), /\s*$/.exec(before)[0] + text);
  }

  #root(node) {
    this.box.append(node);
    this.#roots.push(node);
    return node;
  }
}

const startsBlock = (line) => FENCE.test(line) || HEADING.test(line) || RULE.test(line) || ITEM.test(line) || QUOTE.test(line) || DISPLAY.test(line);

const sortOf = (line) => ITEM.exec(line)[2].at(-1);

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** Make a leaf show a text, touching only what differs: nearly always the last run, by some more characters. */
function draw(leaf, source) {
  const wanted = runs(source.trimEnd());
  let same = 0;
  while (same < wanted.length && isSame(leaf.runs[same], wanted[same])) same++;
  const [old, now] = [leaf.runs[same], wanted[same]];
  if (old && now && old.marks === now.marks && !isFormula(now) && !old.host && !now.host && now.text.startsWith(old.text) && old.text) {
    deepest(leaf.node.childNodes[same]).appendData(now.text.slice(old.text.length));
    same++;
  }
  while (leaf.node.childNodes.length > same) leaf.node.lastChild.remove();
  for (const run of wanted.slice(same)) leaf.node.append(nodeOf(run));
  leaf.runs = wanted;
}

const isFormula = ({ marks }) => /\b(?:math|block)$/.test(marks);

const isSame = (one, other) => one && one.text === other.text && one.marks === other.marks && one.host === other.host;

function nodeOf({ text, marks, host }) {
  let node = marks.endsWith("br") ? element("br") : document.createTextNode(text);
  const names = marks.split(" ").filter((name) => name && name !== "br");
  for (const name of names.reverse()) {
    const around = name === "math" || name === "block" ? element("code", roomFor(text, name === "block")) : element(name);
    around.append(node);
    if (name === "a" && host) around.appendChild(element("span", "host")).textContent = host;
    node = around;
  }
  return node;
}

const deepest = (node) => (node.firstChild ? deepest(node.firstChild) : node);
