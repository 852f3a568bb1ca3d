// The page of messages before those that the log holds.

const PAGES = 20; // at most, that hold only messages of branches that are not shown

/** Load pages until one shows something; false where that failed. */
export async function earlierPage({ view, log, api }) {
  view.earlier.disabled = true;
  try {
    for (let page = 0; page < PAGES && log.earlier; page++) {
      const shown = await load(view, log, api);
      if (shown !== 0) return shown !== null;
    }
    return true;
  } catch {
    return false;
  } finally {
    view.earlier.disabled = false;
  }
}

/** How many messages the page has shown; null where it could not be had. */
async function load(view, log, api) {
  const token = log.earlier;
  const response = await fetch(`${api}/messages?before=${encodeURIComponent(token)}&rendered=1`, { headers: { Accept: "application/json" } });
  if (!response.ok) return null;
  const page = await response.json();
  if (log.earlier !== token) return 1; // a snapshot that came meanwhile has begun anew
  view.store(page.rendered ?? []);
  return view.prepend(log.prepend(page));
}
