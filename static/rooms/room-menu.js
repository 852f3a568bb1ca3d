// The menu of a room is a <details>, which works by itself. Here it closes as menus do: Escape, or a press elsewhere.

import { composes } from "./keys.js";

export function roomMenu(menu = document.getElementById("room-menu")) {
  if (!menu) return;
  const close = () => (menu.open = false);
  document.addEventListener("pointerdown", (event) => menu.contains(event.target) || close());
  menu.addEventListener("focusout", (event) => menu.contains(event.relatedTarget) || !event.relatedTarget || close());
  // Wherever the focus is, and before anybody else hears of it: not every browser moves the focus to what is clicked.
  const escaped = (event) => {
    if (event.key !== "Escape" || !menu.open || composes(event)) return;
    event.preventDefault();
    event.stopPropagation();
    close();
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  };
  document.addEventListener("keydown", escaped, true);
  menu.addEventListener("click", (event) => event.target.closest("li") && close());
}
