// Times as the reader's clock says them: short in the page, exact on hover.

import { root } from "./place.js";

const page = document.documentElement.lang || "en";
// The page's language, written the reader's way: en-GB has other clocks than en-US.
const language = navigator.languages?.find((own) => own.split("-")[0] === page.split("-")[0]) ?? page;
const CLOCK = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const DAY_AND_YEAR = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const EXACT = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });
const AGO = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const STEPS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

export const clock = (date) => CLOCK.format(date);

/** For the server, which groups by days: the reader's own. */
export function tellZone() {
  const { timeZone } = EXACT.resolvedOptions();
  const name = document.documentElement.dataset.cookie?.replace("theme", "zone");
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (timeZone && name) document.cookie = `${name}=${timeZone}; Path=${root()}; Max-Age=${365 * 86_400}; SameSite=Lax${secure}`;
}

const dayOf = (date) => (date.getFullYear() === new Date().getFullYear() ? DAY : DAY_AND_YEAR).format(date);

/** Every <time data-moment> of a page that the server has written: when it was, or will be. */
export function showMoments() {
  for (const node of document.querySelectorAll("time[data-moment]")) node.textContent = dayOf(new Date(node.dateTime));
}

/** Fill a <time>: the hour for today, the day before it for what is older. */
export function showTime(node, at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return;
  const text = date.toDateString() === new Date().toDateString() ? CLOCK.format(date) : dayOf(date);
  if (node.textContent === text && node.title) return;
  node.dateTime = date.toISOString();
  node.title = EXACT.format(date);
  node.textContent = text;
}

/** "5 minutes ago" for a while, then the day. */
export function showAgo(node) {
  const date = new Date(node.dateTime);
  const age = (Date.now() - date) / 1000;
  node.title = EXACT.format(date);
  const [unit, length] = STEPS.find(([, seconds]) => age >= seconds) ?? ["second", 1];
  node.textContent = age > 7 * 86_400 ? dayOf(date) : AGO.format(unit === "second" ? 0 : -Math.floor(age / length), unit);
}
