// Why sockets do not open where pages come through: the server is asked over HTTP. It is believed once the next handshake has
// failed, too: while it starts or ends, one may fail and the question be answered a moment later.

import { at } from "./place.js";

const FAILED = 2; // handshakes in a row: a single one is nothing

export class Obstacle {
  #answer = null;

  /** `ask()` gives {code, detail}, or null where the server does not answer; `onfound` hears the same. */
  constructor({ ask, onfound }) {
    Object.assign(this, { ask, onfound });
  }

  async failed(count) {
    const before = count > FAILED ? this.#answer : null;
    if (before) this.onfound(before);
    this.#answer = count < FAILED ? null : await this.ask();
    if (before && !this.#answer) this.onfound(null);
  }
}

export async function askServer() {
  try {
    const response = await fetch(at("api/reach"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ origin: location.origin }),
    });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
