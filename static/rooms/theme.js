// The theme is a cookie: the server writes it into the page, so nothing flashes. Here it changes without a reload.

import { root as site } from "./place.js";

const THEMES = ["light", "dark"];
const YEAR = 365 * 86_400;

export function chooseTheme(name) {
  const root = document.documentElement;
  const chosen = THEMES.includes(name) ? name : "";
  if (chosen) root.dataset.theme = chosen;
  else delete root.dataset.theme;
  document.querySelector("meta[name=color-scheme]").content = chosen || "light dark";
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${root.dataset.cookie}=${chosen}; Path=${site()}; Max-Age=${chosen ? YEAR : 0}; SameSite=Lax${secure}`;
  for (const button of document.querySelectorAll(".theme button")) {
    button.setAttribute("aria-pressed", String(button.value === (chosen || "system")));
  }
}

/** The switch works without this, too: as a form. */
export function themeForms() {
  for (const form of document.querySelectorAll("form.theme-form")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      chooseTheme(event.submitter?.value);
    });
  }
}
