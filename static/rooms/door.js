// A door that is closed to this tab may open by what another tab of the browser does: it joins, signs in, or comes back
// after its session has ended. So a tab in front of one asks again, by itself; nobody has to reload it.

const SAY = "chatlab.here";
const FIRST_AGAIN = 1_000;
const LAST_AGAIN = 300_000;

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(SAY) : null;

/** Said by each page that is let in somewhere: who waits elsewhere may now be let in, too. */
export function here() {
  channel?.postMessage(SAY);
}

/** Whether the cookie that holds now is a member's. */
export async function isMember(api) {
  return answers(`${api}/me`);
}

export async function answers(url, options = {}) {
  try {
    return (await fetch(url, { cache: "no-store", ...options })).ok;
  } catch {
    return false;
  }
}

/**
 * Wait in front of a door: `opens()` asks whether it is open, `enter()` is called once it is. It asks when another tab says
 * something and when somebody looks at this one; with `urgent` also now and ever more rarely, because there is no word for what
 * comes from elsewhere (an owner who lets somebody in again) and an answer with a new cookie may still be on its way.
 */
export function waitAtDoor({ opens, enter, urgent = false }) {
  let asking = false;
  let timer = null;
  const stop = new AbortController();
  const ask = async () => {
    if (asking || stop.signal.aborted) return;
    asking = true;
    const open = await opens();
    asking = false;
    if (!open || stop.signal.aborted) return;
    clearTimeout(timer);
    stop.abort();
    enter();
  };
  const listen = (target, name, when = () => true) =>
    target?.addEventListener(name, (event) => when(event) && ask(), { signal: stop.signal });
  const again = async (wait) => {
    await ask();
    if (!stop.signal.aborted && wait <= LAST_AGAIN) timer = setTimeout(() => again(wait * 2), wait);
  };
  listen(channel, "message");
  listen(globalThis, "pageshow", (event) => event.persisted);
  listen(globalThis, "online");
  listen(document, "visibilitychange", () => !document.hidden);
  if (urgent) again(FIRST_AGAIN);
}
