// Several tabs of one room, real ones, in frames. A switch for each wire, a track with a marker for each tab, a verdict on
// whether they hold the same, troubles to make, and a story that plays by itself.

import { setText } from "./message.js";
import { Pane } from "./sync-pane.js";
import { Story } from "./sync-story.js";
import { judge } from "./sync-verdict.js";
import { word } from "./words.js";

const LOOK_EVERY = 100;
const SAY_EVERY = 1_000;
const TOLD_FOR = 6_000; // how long a note about a killed worker stays

const byId = (id) => document.getElementById(id);
const panes = Array.from(document.querySelectorAll(".pane"), (node) => new Pane(node, look));
const verdict = byId("verdict");
const caption = byId("caption");

let moved = { head: 0, at: 0 };
let judged = { state: "", at: 0 };
let story = null;

function look() {
  for (const pane of panes) pane.look();
  const head = Math.max(...panes.map((pane) => pane.seq));
  if (head !== moved.head) moved = { head, at: performance.now() };
  for (const pane of panes) pane.draw(head);
  setText(byId("head"), head ? `#${head}` : "");
  say(judge(panes, performance.now() - moved.at));
}

/** A new verdict is said at once; the numbers in one that stays, only every so often: it is a live region. */
function say({ state, key, values }) {
  const now = performance.now();
  if (state === judged.state && now - judged.at < SAY_EVERY) return;
  judged = { state, at: now };
  verdict.dataset.state = state;
  setText(verdict, word(key, values));
}

function tell(step) {
  document.body.dataset.step = step;
  setText(caption, word(`story.${step}`));
}

async function play(button) {
  if (story) {
    story.stop();
    return;
  }
  story = new Story({ panes, say: tell, questions: [word("story.question.1"), word("story.question.2")] });
  setText(button.querySelector("[data-part=label]"), word("story.stop"));
  try {
    await story.play();
  } catch {
    tell("stopped");
  }
  story = null;
  setText(button.querySelector("[data-part=label]"), word("story.again"));
}

async function kill(form) {
  const response = await fetch(form.action, { method: "POST", body: new FormData(form) }).catch(() => null);
  const killed = response?.ok && (await response.json()).n;
  setText(caption, word(killed ? "killed" : response?.ok ? "killed.none" : "kill.failed"));
  setTimeout(() => document.body.dataset.step || setText(caption, word("story.idle")), TOLD_FOR);
}

if (panes.length) {
  document.documentElement.classList.add("js");
  look();
  setInterval(look, LOOK_EVERY);
  byId("play")?.addEventListener("click", ({ currentTarget }) => play(currentTarget));
  byId("kill")?.addEventListener("submit", (event) => {
    event.preventDefault();
    kill(event.target);
  });
  // A menu that is open closes when something else is wanted.
  document.addEventListener("click", ({ target }) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
} else {
  byId("create").requestSubmit();
}
