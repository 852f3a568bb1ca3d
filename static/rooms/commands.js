// What can be done by name: from the palette, by a key, or by a button with data-command.

import { guardForms } from "./keys.js";
import { Palette } from "./palette.js";
import { shortcuts } from "./shortcuts.js";
import { chooseTheme, themeForms } from "./theme.js";

/** `own` are the page's commands beside those that every page has. */
export function commands(own = {}) {
  const sheet = document.getElementById("shortcuts");
  const all = {
    __proto__: null,
    open: (url) => location.assign(url),
    "new-room": () => document.querySelector("form[data-new-room]")?.requestSubmit(),
    "theme-light": () => chooseTheme("light"),
    "theme-dark": () => chooseTheme("dark"),
    "theme-system": () => chooseTheme("system"),
    shortcuts: () => sheet && !sheet.open && sheet.showModal(),
    ...own,
  };
  const run = (name, argument) => all[name]?.(argument);
  const palette = new Palette({ run, has: (name) => name in all });
  shortcuts({ run, palette });
  guardForms();
  themeForms();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-command]");
    if (button) run(button.dataset.command);
  });
  sheet?.addEventListener("click", (event) => event.target === sheet && sheet.close());
}
