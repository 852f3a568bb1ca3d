// The page of messages before those that the log holds. It comes when its reader scrolls near it; the button does the same
// by keyboard, where nothing observes the scrolling, and after a failure.

const PAGES = 20; // at most, that hold only messages of branches that are not shown
const NEAR = 800; // px above what is seen

export class Earlier {
  #loading = null;
  #observer = null;

  /** `view`, `log()`, `api`; `onfail()` is called when a page could not be had. */
  constructor({ view, log, api, scroller, onfail }) {
    Object.assign(this, { view, log, api, scroller, onfail });
    this.button = view.earlier;
    this.button.addEventListener("click", () => this.#wanted());
  }

  /** From here on, scrolling is enough. */
  watch() {
    if (!("IntersectionObserver" in globalThis)) return;
    const seen = (entries) => entries.at(-1).isIntersecting && this.#wanted();
    this.#observer = new IntersectionObserver(seen, { root: this.scroller, rootMargin: `${NEAR}px 0px 0px` });
    this.#observer.observe(this.button);
  }

  /** Load pages until one shows something; false where that failed. Asked twice, it loads once. */
  load() {
    this.#loading ??= this.#load().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #wanted() {
    if (this.#loading) return;
    if (!(await this.load())) {
      this.onfail();
      return;
    }
    // Observed anew, it tells whether it is still near.
    this.#observer?.unobserve(this.button);
    this.#observer?.observe(this.button);
  }

  async #load() {
    const isFocused = document.activeElement === this.button;
    this.button.setAttribute("aria-busy", "true"); // not disabled: that would take the focus away
    try {
      for (let page = 0; page < PAGES && this.log().earlier; page++) {
        const shown = await this.#page();
        if (shown !== 0) return shown !== null;
      }
      return true;
    } catch {
      return false;
    } finally {
      this.button.removeAttribute("aria-busy");
      if (isFocused && this.button.hidden) this.scroller.focus({ preventScroll: true });
    }
  }

  /** How many messages the page has shown; null where it could not be had. */
  async #page() {
    const log = this.log();
    const token = log.earlier;
    const url = `${this.api}/messages?before=${encodeURIComponent(token)}&rendered=1`;
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) return null;
    const page = await response.json();
    if (log.earlier !== token) return 1; // a snapshot that came meanwhile has begun anew
    this.view.store([...(page.rendered ?? []), ...(page.rendered_parts ?? [])]);
    return this.view.prepend(log.prepend(page));
  }
}
