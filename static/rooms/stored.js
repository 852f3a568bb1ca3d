// What this browser remembers for the next visit. Where storage is forbidden or full, a choice holds for this page.

/** null where there is nothing. */
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** An empty value is forgotten. */
export function remember(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // A comfort, not a promise.
  }
}
