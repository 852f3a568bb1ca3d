// Where the site begins on its host: it may be below a path.

export const root = () => document.documentElement.dataset.root;

/** `path` without a slash in front. */
export const at = (path) => root() + path;
