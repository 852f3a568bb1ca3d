// Whether all tabs hold the same, in one sentence. Pure: looks at what the tabs say of themselves.

const STILL_AFTER = 400; // while text streams into all, two looks are never quite at the same instant
const DRAWN_AFTER = 5_000; // the HTML of finished blocks follows the text, in each tab when it gets to it

/**
 * `tabs`: [{tab, seq, state, shown}], `state` null until the tab is there. `still`: milliseconds since the head last moved.
 * Returns {state, key, values}: how it stands, and which sentence says so.
 */
export function judge(tabs, still) {
  if (tabs.some(({ state }) => !state)) return { state: "waiting", key: "waiting" };
  const head = Math.max(...tabs.map(({ seq }) => seq));
  const allLive = tabs.every(({ state }) => state.state === "live");
  if (allLive && still < STILL_AFTER) return { state: "moving", key: "moving" };
  const behind = tabs.filter(({ seq }) => seq < head).sort((a, b) => a.seq - b.seq)[0];
  if (behind) return { state: "behind", key: "behind", values: { tab: behind.tab, n: head - behind.seq } };
  const [first, ...others] = tabs;
  const same = ({ state }) =>
    state.cursor === first.state.cursor && state.digest === first.state.digest && state.length === first.state.length;
  if (!others.every(same)) return { state: "different", key: "different" };
  if (!others.every(({ shown }) => shown === first.shown)) {
    return still < DRAWN_AFTER ? { state: "moving", key: "moving" } : { state: "different", key: "different" };
  }
  if (!first.state.length) return { state: "identical", key: "empty" };
  return { state: "identical", key: "identical", values: { digest: first.state.digest, n: first.state.length } };
}
