// Why something was refused or has failed. The wire says it in English, with a code; a page in another language has
// sentences of its own for the codes, and for a code that it does not know it shows the wire's.

import { hasWord, word } from "./words.js";

/** Of an `error` frame, or of an HTTP answer that refuses. */
export function refusalOf({ code, detail = "", retry_after: retryAfter }) {
  const key = `refusal.${code}`;
  if (!hasWord(key)) return detail;
  return retryAfter ? `${word(key)} ${later(retryAfter)}` : word(key);
}

/** When it can be tried again: never too soon. */
function later(seconds) {
  if (seconds > 5400) return word("refusal.later.hours", { n: Math.ceil(seconds / 3600) });
  if (seconds > 90) return word("refusal.later.minutes", { n: Math.ceil(seconds / 60) });
  return word("refusal.later", { n: Math.max(1, Math.ceil(seconds)) });
}

/** Of what is between this page and its server. */
export function obstacleOf({ code, detail }) {
  const key = `obstacle.${code}`;
  return hasWord(key) ? word(key) : detail;
}

/** Of a message's `failure`; empty where there is none. */
export function failureOf(failure) {
  const key = `failure.${failure?.code}`;
  return hasWord(key) ? word(key) : (failure?.detail ?? "");
}
