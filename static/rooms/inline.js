// What stands inside of a block, as runs of text that look alike. Only for a block that is still being written: the
// server's HTML takes its place once it is finished. Pure.

import { formulaAt } from "./formulas.js";

const PUNCTUATION = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}]/u;
const LINK = /!?\[([^[\]]*)\]\(<?([^()\s<>]*)>?(?:\s[^()]*)?(?:\)|$)/y;
const ADDRESS = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/y;
const TAG = /<(?:(br) ?\/?|(\/?)(sub|sup|kbd))>/iy;
const BREAK = /(?: {2,}|\\)\n[ \t]*/y;
const SOFT_BREAK = /[ \t]*\n[ \t]*/y;

/** Runs of {text, marks, host?}: `marks` are the names of the elements around the text, the outermost first. */
export function runs(source) {
  const found = [];
  const open = new Set(); // the outermost first
  let plain = "";
  let at = 0;
  const turn = (name) => open.delete(name) || open.add(name);
  const flush = () => {
    if (plain) found.push({ text: plain, marks: [...open].join(" ") });
    plain = "";
  };
  const push = (text, mark, more) => {
    flush();
    found.push({ text, marks: [...open, mark].join(" "), ...more });
  };
  const match = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  while (at < source.length) {
    const char = source[at];
    let hit;
    if (char === "\n" || char === " ") {
      if ((hit = match(BREAK))) push("", "br");
      else if ((hit = match(SOFT_BREAK))) plain += "\n";
    } else if (char === "\\") {
      if ((hit = match(BREAK))) push("", "br");
      else if ((hit = formulaAt(source, at))) push(hit.text, hit.block ? "block" : "math");
      else if (PUNCTUATION.test(source[at + 1] ?? "")) {
        plain += source[at + 1];
        at += 2;
        continue;
      }
    } else if (char === "`") {
      hit = codeSpan(source, at);
      if (hit.text !== null) push(hit.text, "code");
      else plain += hit[0];
    } else if (char === "$" && (hit = formulaAt(source, at))) {
      push(hit.text, hit.block ? "block" : "math");
    } else if ((char === "[" || (char === "!" && source[at + 1] === "[")) && (hit = match(LINK))) {
      push(hit[1], "a", { host: hostOf(hit[2], hit[1]) });
    } else if (char === "<" && (hit = match(ADDRESS))) {
      push(hit[1], "a");
    } else if (char === "<" && (hit = match(TAG))) {
      const name = hit[3]?.toLowerCase();
      if (hit[1]) {
        push("", "br");
      } else if (hit[2] ? open.has(name) : !open.has(name) && source.toLowerCase().includes(`</${name}>`, at)) {
        flush();
        turn(name);
      } else {
        hit = null;
      }
    } else if (char === "*" || char === "_" || (char === "~" && source[at + 1] === "~")) {
      const three = source.startsWith(char.repeat(3), at) && open.has("em") === open.has("strong");
      const mark = char.repeat(three ? 3 : source[at + 1] === char ? 2 : 1);
      const names = [["em"], [char === "~" ? "s" : "strong"], ["em", "strong"]][mark.length - 1];
      if (turns(source, at, mark, open.has(names[0]))) {
        flush();
        names.forEach(turn);
        hit = [mark];
      }
    }
    if (hit) at += hit[0].length;
    else plain += source[at++];
  }
  flush();
  return found;
}

/** A code span; one that is not closed yet is taken for one, if it began with a single tick. */
function codeSpan(source, at) {
  const [ticks] = /^`+/.exec(source.slice(at));
  const rest = source.slice(at + ticks.length);
  const end = new RegExp(`(?<!\`)${ticks}(?!\`)`).exec(rest);
  if (!end && (ticks.length > 1 || !rest)) return { 0: ticks, text: null };
  const text = (end ? rest.slice(0, end.index) : rest).replaceAll("\n", " ");
  const padded = /^ .*[^ ].* $/.test(text);
  return { 0: ticks + rest.slice(0, end ? end.index + ticks.length : undefined), text: padded ? text.slice(1, -1) : text };
}

/** Whether these marks open or close emphasis. `**` may open before its end is there, `*` may not: it is often a sign. */
function turns(source, at, mark, isOpen) {
  const before = source[at - 1] ?? " ";
  const after = source[at + mark.length] ?? "";
  if (isOpen) return !/\s/.test(before) && !(mark[0] === "_" && WORD.test(after));
  if (!after || /\s/.test(after) || (mark[0] === "_" && WORD.test(before))) return false;
  if (mark.length > 1) return true;
  const rest = source.slice(at + 1);
  return (mark === "*" ? /[^\s*]\*(?!\*)/ : /[^\s_]_(?![\p{L}\p{N}_])/u).test(rest);
}

function hostOf(target, text) {
  try {
    const url = new URL(target);
    const host = url.protocol === "mailto:" ? url.pathname : url.hostname;
    const shown = text.replace(/^(https?:\/\/|mailto:)/i, "");
    return shown.toLowerCase().startsWith(host) && /^($|[/?#:])/.test(shown.slice(host.length)) ? undefined : host;
  } catch {
    return undefined;
  }
}
