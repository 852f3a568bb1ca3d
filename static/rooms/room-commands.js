// Commands of a room, beside those that every page has.

import { word } from "./words.js";

const FENCED = /^ {0,3}(`{3,}|~{3,})[^\n]*\n([\s\S]*?)(?:^ {0,3}\1[^\n]*$|$(?![\s\S]))/gm;

export function roomCommands({ log, list, announcer, stops, governing, copied, tell }) {
  const copy = (text) => (text ? copied(text) : tell(word("nothing.to.copy")));
  showReading(announcer);
  return {
    stop: () => stops.running.length ? stops.stopMine() : tell(word("stop.nothing")),
    lock: () => governing.toggleLock(),
    rename: () => document.querySelector("[data-action=rename]")?.click(),
    invite: () => document.querySelector("[data-action=invite]")?.click(),
    "copy-answer": () => copy(log().lastAnswer?.text),
    "copy-code": () => copy(lastCode(log().shown)),
    "next-message": (by) => focusMessage(list, by),
    "read-aloud": () => {
      announcer.readByParagraph(!announcer.byParagraph);
      showReading(announcer);
      tell(word(announcer.byParagraph ? "aloud.on" : "aloud.off"));
    },
  };
}

function showReading({ byParagraph }) {
  document.querySelector("button[data-command=read-aloud]")?.setAttribute("aria-pressed", String(byParagraph));
}

function lastCode(messages) {
  for (const { text } of messages.toReversed()) {
    const found = [...(text ?? "").matchAll(FENCED)].at(-1);
    if (found) return found[2].replace(/\n$/, "");
  }
  return "";
}

/** To the message before or after the one that has the focus; from elsewhere, to the last. True where there is one. */
function focusMessage(list, by) {
  const articles = [...list.querySelectorAll("article[data-message]")];
  if (!articles.length) return false;
  const at = articles.indexOf(document.activeElement?.closest("article"));
  const to = articles[at < 0 ? articles.length - 1 : Math.min(Math.max(at + by, 0), articles.length - 1)];
  to.tabIndex = -1;
  to.focus({ preventScroll: true });
  to.scrollIntoView({ block: to.offsetHeight > list.parentElement.parentElement.clientHeight ? "start" : "nearest" });
  return true;
}
