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

export function dressFigure(figure) {
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
