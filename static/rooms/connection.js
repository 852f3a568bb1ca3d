// The one connection state: what the tab says about its wire, as a function of facts and time. Pure but for its own timer.
//
//   live         level with the room
//   blip         down for less than 1.5 s: nothing is shown, most of these heal
//   reconnecting down for less than 5 s, or a question to the server has no answer yet
//   offline      down for longer, or the browser says so
//   catching-up  the wire is there, the log is being read on
//   cut          by the switch of the two-tab page
//   gone         the server said that coming back is pointless

export const BLIP = 1_500;
export const OFFLINE = 5_000;
const BACK_SHOWN = 3_000;

export function connectionState(facts, now) {
  if (facts.gone) return "gone";
  if (facts.cutAt !== null) return "cut";
  if (facts.phase === "level" && facts.silentAt === null) return "live";
  const since = facts.silentAt ?? facts.downAt;
  const away = now < since ? OFFLINE : now - since; // a clock that was set back tells nothing
  if (away < BLIP && facts.silentAt === null) return "blip";
  if (facts.phase === "open") return "catching-up";
  return away < OFFLINE && facts.online ? "reconnecting" : "offline";
}

export class Connection {
  #timer = null;

  constructor({ onchange, online = true }) {
    this.onchange = onchange;
    const now = Date.now();
    // silentAt: since when a question to the server has no answer.
    // awayAt: since when updates may have been missed; downAt: since when the wire is down by itself, not by the switch.
    this.facts = { phase: "connecting", awayAt: now, downAt: now, cutAt: null, nextAt: null, silentAt: null, online, applied: 0, obstacle: null };
    this.back = { until: 0, applied: 0 };
    this.settled = false; // has been level at least once
  }

  get state() {
    return connectionState(this.facts, Date.now());
  }

  /** A phase of the socket; `level` when the log has caught up. */
  phase(name, details = {}) {
    const { facts } = this;
    if (name === "level") return this.#level();
    if (name === "gone") facts.gone = details;
    else if (name === "connecting") facts.gone = null;
    if (facts.phase === "level") {
      facts.downAt = facts.silentAt ?? Date.now();
      facts.awayAt = details.since ?? facts.downAt;
    }
    if (name === "cut") facts.cutAt ??= Date.now();
    else if (facts.cutAt !== null) Object.assign(facts, { cutAt: null, downAt: Date.now() });
    facts.nextAt = details.nextAt ?? null;
    facts.silentAt = null;
    if (name === "open") facts.obstacle = null;
    facts.phase = name;
    this.update();
  }

  applied(count) {
    if (this.facts.phase === "level") return;
    this.facts.applied += count;
    if (this.facts.phase === "open") this.update();
  }

  /** The server was asked then, and nothing has come since; null: something has. */
  doubt(since) {
    this.facts.silentAt = since;
    this.update();
  }

  /** What keeps sockets from opening, {code, detail}, while the server answers otherwise; null: nothing is known of. */
  obstacle(found) {
    if (found?.code === this.facts.obstacle?.code) return;
    this.facts.obstacle = found;
    this.update();
  }

  online(yes) {
    this.facts.online = yes;
    this.update();
  }

  update() {
    clearTimeout(this.#timer);
    const now = Date.now();
    const { facts, settled } = this;
    const state = connectionState(facts, now);
    const back = state === "live" && now < this.back.until;
    this.onchange({
      state,
      settled,
      since: facts.cutAt ?? facts.silentAt ?? facts.downAt,
      wait: facts.nextAt === null ? 0 : Math.max(0, facts.nextAt - now),
      attempting: facts.phase === "connecting",
      applied: back ? this.back.applied : facts.applied,
      back,
      gone: facts.gone,
      obstacle: facts.obstacle,
    });
    const next = this.#nextChange(state, now);
    if (next !== null) this.#timer = setTimeout(() => this.update(), Math.max(10, next));
  }

  #level() {
    const { facts } = this;
    if (facts.phase === "level") return;
    const now = Date.now();
    if (this.settled && now - facts.awayAt >= OFFLINE) {
      this.back = { until: now + BACK_SHOWN, applied: facts.applied };
    }
    Object.assign(facts, { phase: "level", nextAt: null, silentAt: null, applied: 0, cutAt: null });
    this.settled = true;
    this.update();
  }

  #nextChange(state, now) {
    const { facts } = this;
    const since = facts.silentAt ?? facts.downAt;
    if (state === "blip") return since + BLIP - now;
    if (state === "reconnecting") return since + OFFLINE - now;
    if (state === "offline" || state === "cut") return 1000 - ((now - (facts.cutAt ?? since)) % 1000);
    if (state === "live" && now < this.back.until) return this.back.until - now;
    return null;
  }
}
