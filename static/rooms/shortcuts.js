// The keys of the page. A shortcut of a single key can be switched off: who speaks to their computer would press them.

import { composes } from "./keys.js";
import { recall, remember } from "./stored.js";

const STORED = "chatlab.single-keys";
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

export function shortcuts({ run, palette }) {
  const single = singleKeys();
  if (MAC) for (const key of document.querySelectorAll("[data-mod]")) key.textContent = "⌘";
  addEventListener("keydown", (event) => {
    if (composes(event) || event.defaultPrevented) return;
    if (perform(event, { run, palette, single })) event.preventDefault();
  });
}

function perform(event, { run, palette, single }) {
  const mod = MAC ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  const key = event.key.toLowerCase();
  const open = document.querySelector("dialog[open]");
  if (mod && !event.altKey) {
    if (key === "k" && !event.shiftKey) return palette.toggle();
    if (open) return false;
    if (key === "/") return done(() => run("shortcuts"));
    if (event.shiftKey && key === "o") return done(() => run("new-room"));
    if (event.shiftKey && (key === ";" || key === ":" || event.code === "Semicolon")) return done(() => run("copy-code"));
    if (event.shiftKey && key === "c") return done(() => run("copy-answer"));
    return false;
  }
  if (open) return false;
  if (event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    if (key === "arrowup" || key === "arrowdown") return run("next-message", key === "arrowup" ? -1 : 1) === true;
  }
  if (key === "?" && single.on && !writes(event.target)) return done(() => run("shortcuts"));
  return false;
}

function done(action) {
  action();
  return true;
}

function writes(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") !== null;
}

function singleKeys() {
  const box = document.getElementById("single-keys");
  const single = { on: recall(STORED) !== "off" };
  if (!box) return single;
  box.checked = single.on;
  box.addEventListener("change", () => {
    single.on = box.checked;
    remember(STORED, single.on ? "on" : "off");
  });
  return single;
}
