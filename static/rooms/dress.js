// What the server's HTML gets in the page: names in the reader's language, and the button of each piece of code.

import { linkFootnotes } from "./footnotes.js";
import { word } from "./words.js";

export function dress(nodes) {
  for (const node of nodes) {
    if (node.nodeType !== Node.ELEMENT_NODE) continue;
    for (const figure of all(node, "figure.code")) dressFigure(figure);
    for (const table of all(node, "div.table")) region(table, word("prose.table"));
    for (const title of all(node, "p.alert-title")) title.textContent = word(`prose.${title.parentNode.className.split("-")[1]}`);
    for (const box of all(node, ".check")) picture(box, word(box.textContent.startsWith("☑") ? "prose.done" : "prose.open"));
    linkFootnotes(all(node, "sup.footnote"));
  }
}

/** The box of a piece of code, and the element that takes the code. `info` is what stands behind its fence. */
export function newFigure(info) {
  const figure = document.createElement("figure");
  figure.className = "code";
  const caption = figure.appendChild(document.createElement("figcaption"));
  caption.textContent = (info.trim().split(/\s/)[0] ?? "").split("{")[0].toLowerCase().slice(0, 20);
  const inside = figure.appendChild(document.createElement("pre")).appendChild(document.createElement("code"));
  dressFigure(figure);
  return { figure, inside };
}

function dressFigure(figure) {
  const button = document.getElementById("copy-code")?.content.firstElementChild;
  const [caption, pre] = figure.children;
  if (button) caption.append(document.importNode(button, true));
  region(pre, word("prose.code"));
}

/** The code of the figure that a button stands in. */
export const codeBeside = (button) => button.closest("figure").querySelector("code").textContent;

function region(node, label) {
  node.tabIndex = 0; // scrolls by keyboard
  node.setAttribute("role", "region");
  node.setAttribute("aria-label", label);
}

function picture(node, label) {
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", label);
}

const all = (node, selector) => (node.matches(selector) ? [node] : node.querySelectorAll(selector));
