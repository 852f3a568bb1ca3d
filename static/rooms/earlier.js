// The page of messages before those that the log holds.

/** Load it and show it; false where that failed. */
export async function earlierPage({ view, log, api }) {
  const token = log.earlier;
  if (!token) return true;
  view.earlier.disabled = true;
  try {
    const response = await fetch(`${api}/messages?before=${encodeURIComponent(token)}`, { headers: { Accept: "application/json" } });
    if (!response.ok) return false;
    const page = await response.json();
    // A snapshot that came meanwhile has begun anew.
    if (log.earlier === token) view.prepend(log.prepend(page));
    return true;
  } catch {
    return false;
  } finally {
    view.earlier.disabled = false;
  }
}
