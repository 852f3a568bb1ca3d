// What this tab has to say: first in first out, one on its way at a time, kept until the receipt, over reloads too.
// A repeat is safe, because the server knows each client_id.

const RECEIPT_TIMEOUT = 8_000;
const RETRY_AFTER = 2;
const RETRY_MOST = 60_000; // of waiting, whatever has become of the clock meanwhile
const TOO_OLD = 24 * 3_600_000; // what was written a day ago is not sent behind its author's back
const PASSING = new Set(["rate_limited", "busy", "unavailable"]);

export class Outbox {
  #storage;
  #key;
  #transmit;
  #open = false;
  #isOver = false;
  #timer = null;

  /** `transmit(frame)` returns false where there is no socket; `onsuspect` is called when a receipt stays out. */
  constructor({ storage, key, transmit, onchange = () => {}, onsuspect = () => {} }) {
    this.#storage = storage;
    this.#key = key;
    this.#transmit = transmit;
    this.onchange = onchange;
    this.onsuspect = onsuspect;
    this.items = this.#stored();
  }

  /** Items are {client_id, frame, at, state: waiting | sending | failed, detail?, code?, retryAt?}. */
  add(frame) {
    const item = { client_id: newClientId(), frame, at: new Date().toISOString(), state: "waiting" };
    this.items.push(item);
    this.#changed();
    this.#pump();
    return item;
  }

  opened() {
    this.#open = true;
    this.#isOver = false;
    for (const item of this.items.filter(({ code }) => code === "gone")) this.#revive(item);
    this.#pump();
  }

  lost() {
    this.#open = false;
    clearTimeout(this.#timer);
    const sending = this.items.find((item) => item.state === "sending");
    if (!sending) return;
    sending.state = "waiting";
    this.#changed();
  }

  /** The room is not open to whoever wrote this: what waits says so, instead of waiting for ever. */
  over() {
    this.#isOver = true;
    this.lost();
    this.#pump();
  }

  receipt(clientId) {
    this.#remove(clientId);
  }

  /** An `error` frame that names one of ours. What can pass by itself is tried again; the rest waits for its author. */
  refused({ client_id: clientId, code, detail, retry_after: retryAfter }) {
    const item = this.#find(clientId);
    if (!item) return;
    if (PASSING.has(code)) {
      item.state = "waiting";
      item.retryAt = Date.now() + (retryAfter ?? RETRY_AFTER) * 1000;
    } else {
      Object.assign(item, { state: "failed", code, detail });
    }
    this.#changed();
    this.#pump();
  }

  /** Send it after all, and what waits behind it. */
  retry(clientId) {
    const item = this.#find(clientId);
    if (!item) return;
    this.#revive(item);
    for (const asked of this.items.slice(this.items.indexOf(item))) asked.at = new Date().toISOString();
    this.#changed();
    this.#pump();
  }

  discard(clientId) {
    const item = this.#find(clientId);
    this.#remove(clientId);
    return item;
  }

  #find(clientId) {
    return this.items.find((item) => item.client_id === clientId);
  }

  #remove(clientId) {
    const removed = this.#find(clientId);
    if (!removed) return;
    if (removed === this.items[0]) clearTimeout(this.#timer);
    this.items = this.items.filter((item) => item !== removed);
    this.#changed();
    this.#pump();
  }

  /** Only the first may go: behind one that waits or failed, the others wait, so that their order stays. */
  #pump() {
    const [first] = this.items;
    if (this.#isOver) this.#fail();
    if (!first || !this.#open || first.state !== "waiting") return;
    clearTimeout(this.#timer);
    if (Date.now() - new Date(first.at) > TOO_OLD) {
      Object.assign(first, { state: "failed", code: "old" });
      this.#changed();
      return;
    }
    const wait = (first.retryAt ?? 0) - Date.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#again(first), Math.min(wait, RETRY_MOST));
      return;
    }
    delete first.retryAt;
    if (!this.#transmit({ ...first.frame, client_id: first.client_id })) return;
    first.state = "sending";
    this.#timer = setTimeout(() => this.onsuspect(), RECEIPT_TIMEOUT);
    this.#changed();
  }

  #revive(item) {
    item.state = "waiting";
    for (const key of ["retryAt", "detail", "code"]) delete item[key];
  }

  #fail() {
    const waiting = this.items.filter(({ state }) => state === "waiting");
    for (const item of waiting) Object.assign(item, { state: "failed", code: "gone" });
    if (waiting.length) this.#changed();
  }

  #again(item) {
    delete item.retryAt;
    this.#pump();
  }

  #changed() {
    try {
      if (this.items.length) this.#storage?.setItem(this.#key, JSON.stringify(this.items));
      else this.#storage?.removeItem(this.#key);
    } catch {
      // Full or forbidden: the outbox then lives as long as its page.
    }
    this.onchange(this.items);
  }

  #stored() {
    try {
      const items = JSON.parse(this.#storage?.getItem(this.#key) ?? "[]");
      return items.map((item) => (item.state === "sending" ? { ...item, state: "waiting" } : item));
    } catch {
      return [];
    }
  }
}

/** 128 random bits. Not crypto.randomUUID: it is missing on plain http. */
export function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
