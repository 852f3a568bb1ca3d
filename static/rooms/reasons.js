// Why something was refused or has failed. The wire says it in English, with a code; a page in another language has
// sentences of its own for the codes, and for a code that it does not know it shows the wire's.

import { hasWord, word } from "./words.js";

/** Of an `error` frame, or of an HTTP answer that refuses. */
export function refusalOf({ code, detail = "", retry_after: retryAfter }) {
  const key = `refusal.${code}`;
  if (!hasWord(key)) return detail;
  const wait = Math.round(retryAfter ?? 0);
  return wait ? `${word(key)} ${word("refusal.later", { n: wait })}` : word(key);
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
