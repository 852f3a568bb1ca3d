// One live wire to the room: connects with the cursor, backs off, beats, notices a dead socket and throws it away.
// Knows nothing of the frames' meaning except `welcome` and `bye`.

const SUBPROTOCOL = "chatlab.v1";
const BACKOFF_FIRST = 500;
const BACKOFF_MOST = 30_000;
const STEADY = 30_000; // open for so long: the next loss starts at the shortest wait again
const CONNECT_TIMEOUT = 10_000;
const CHECK_TIMEOUT = 5_000;
const QUIET = 1_500; // without a frame: where somebody looks, the server is asked whether it is still there
const DOUBTED = 1_200; // without an answer to that, the wire is in doubt, though the socket may yet speak
// A third of the server's window in UTF-16 units, each of which is at most three bytes: confirmed in time in any script.
const CONFIRM_AFTER = 64 * 1024;

const LEAVING = 1000; // whoever closes with it has left; one that is only lost is expected back
const LOST = 1006; // also what a page is told of a handshake that was refused, whatever the reason
const SIGNED_OUT = 4501;

const final = (code) => code >= 4500 && code <= 4999;

export class RoomSocket {
  #socket = null;
  #open = false;
  #attempt = 0;
  #failed = 0; // handshakes in a row that came to nothing
  #unconfirmed = 0;
  #answerBy = 0;
  #askedAt = 0;
  #patience = DOUBTED;
  #isInDoubt = false;
  #timers = {};
  #heardAt = 0;
  #pausedAt = null;
  #isSignedOut = false; // as the last socket that was open was told
  #isCut = false;
  #isGone = false;

  /**
   * `cursor()` is asked at each connect and sync, `away()` (whether nobody looks at this tab) at each sync. `onphase` hears:
   * connecting, open, down {nextAt, failed}, cut, gone {code, detail}; and `since`, where the wire was dead before that was noticed.
   * `ondoubt` hears since when a question has no answer, and null when something comes.
   */
  constructor({ url, cursor, away = () => false, heartbeat, onframe, onphase, ondoubt = () => {}, create = open, random = Math.random }) {
    Object.assign(this, { url, cursor, away, heartbeat: heartbeat * 1000, onframe, onphase, ondoubt, create, random });
  }

  get isOpen() {
    return this.#open;
  }

  connect() {
    if (this.#isCut || this.#isGone) return;
    this.#throwAway();
    this.onphase("connecting", this.#pausedAt === null ? {} : { since: this.#pausedAt });
    this.#pausedAt = null;
    let socket;
    try {
      socket = this.create(`${this.url}${this.url.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(this.cursor())}`);
    } catch {
      this.#lost();
      return;
    }
    this.#socket = socket;
    // An old socket may speak late, even after close(): only the current one is heard.
    const ifCurrent = (action) => (event) => this.#socket === socket && action(event);
    socket.onmessage = ifCurrent(({ data }) => this.#received(data));
    socket.onclose = ifCurrent(({ code, reason }) => this.#closed(code, reason));
    this.#after("connect", CONNECT_TIMEOUT, () => this.#closed(LOST));
  }

  /** False where the frame could not even be handed to a socket. */
  send(frame) {
    if (!this.#open || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Confirms what was applied and asks for what follows; `repair`: for all that follows the cursor. */
  sync(repair = false) {
    const cursor = this.cursor();
    const frame = { type: "sync", cursor, ...(repair && { repair }), ...(this.away() && { away: true }) };
    if (!cursor || !this.send(frame)) return;
    this.#unconfirmed = 0;
    this.#expectAnswer(this.heartbeat * 1.5);
    if (!this.#timers.doubt && !this.#isInDoubt) this.#doubtAfter(this.#patience);
  }

  /** Something happened that a socket may not have survived: ask now, and wait for the answer only briefly. */
  check() {
    if (this.#open) {
      this.sync();
      this.#expectAnswer(CHECK_TIMEOUT);
    } else if (this.#timers.retry) {
      this.connect();
    }
  }

  /** Throw this socket away, whatever it claims, and come back after the usual wait. */
  restart() {
    this.#lost();
  }

  /** The page is being left: close without a word or a next attempt; `connect` begins again. */
  pause() {
    this.#pausedAt = Date.now();
    this.#throwAway(LEAVING);
  }

  cut() {
    this.#isCut = true;
    this.#throwAway();
    this.onphase("cut");
  }

  plug() {
    this.#isCut = false;
    this.connect();
  }

  /** It was sent away for good, and now somebody has opened. */
  comeBack() {
    this.#isGone = false;
    this.connect();
  }

  #closed(code, reason) {
    this.#failed = this.#open || code !== LOST ? 0 : this.#failed + 1;
    if (final(code)) this.#ended(code, reason);
    else this.#lost();
  }

  #received(data) {
    this.#clear("answer");
    this.#heardAt = Date.now();
    this.#isHeard();
    this.#unconfirmed += data.length;
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (frame.type === "welcome") this.#welcomed();
    this.onframe(frame);
    if (frame.type === "bye") this.#ended(frame.code, frame.detail);
    else if (this.#unconfirmed >= CONFIRM_AFTER) this.sync();
  }

  #welcomed() {
    this.#clear("connect");
    this.#isSignedOut = false;
    this.#open = true;
    this.#failed = 0;
    this.#after("steady", STEADY, () => (this.#attempt = 0));
    this.#timers.beat = setInterval(() => this.sync(), this.heartbeat);
    this.onphase("open");
  }

  /** Whoever answers late is given twice as long the next time: on a slow line a doubt that comes and goes says nothing. */
  #isHeard() {
    if (this.#timers.doubt || this.#isInDoubt) {
      this.#patience = Math.min(Math.max(DOUBTED, 2 * (this.#heardAt - this.#askedAt)), CHECK_TIMEOUT);
    }
    this.#clear("doubt");
    if (this.#isInDoubt) {
      this.#isInDoubt = false;
      this.ondoubt(null);
    }
    this.#after("quiet", QUIET, () => this.#open && !this.away() && this.sync());
  }

  #doubtAfter(patience) {
    this.#askedAt = Date.now();
    this.#after("doubt", patience, () => {
      if (this.away()) return;
      // A page that stood still has not listened: what came meanwhile is heard next.
      if (Date.now() - this.#askedAt > 2 * patience) this.#doubtAfter(patience);
      else this.#doubt();
    });
  }

  #doubt() {
    this.#isInDoubt = true;
    this.ondoubt(this.#askedAt);
  }

  /** A question that stays without any frame ends the socket; a later one may bring the end nearer, never put it off. */
  #expectAnswer(timeout) {
    const by = Date.now() + timeout;
    if (this.#timers.answer && this.#answerBy <= by) return;
    this.#answerBy = by;
    this.#after("answer", timeout, () => this.#lost(this.#heardAt));
  }

  #lost(since = Date.now()) {
    this.#throwAway();
    if (this.#isCut || this.#isGone) return;
    const wait = this.random() * Math.min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** this.#attempt++);
    this.#after("retry", wait, () => this.connect());
    this.onphase("down", { nextAt: Date.now() + wait, since, failed: this.#failed });
  }

  /** The end, by a close code or a `bye`. But a sign-in in another tab changes the cookie: with the new one, try once. */
  #ended(code, detail) {
    if (code === SIGNED_OUT && this.#open) {
      this.#isSignedOut = true;
      this.#lost();
      return;
    }
    this.#isGone = true;
    this.#throwAway();
    this.onphase("gone", { code: this.#isSignedOut ? SIGNED_OUT : code, detail });
  }

  #throwAway(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#open = this.#isInDoubt = false;
    this.#unconfirmed = 0;
    for (const name of Object.keys(this.#timers)) this.#clear(name);
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close(code);
    }
  }

  #after(name, delay, action) {
    this.#clear(name);
    this.#timers[name] = setTimeout(() => {
      delete this.#timers[name];
      action();
    }, delay);
  }

  #clear(name) {
    clearTimeout(this.#timers[name]); // also ends an interval
    delete this.#timers[name];
  }
}

export function open(url) {
  return new WebSocket(url, SUBPROTOCOL);
}
