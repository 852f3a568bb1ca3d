// What the browser's own tab says: that an answer runs, and how much was said while nobody looked.

export class TabTitle {
  #unread = 0;

  constructor({ me }) {
    this.me = me;
    this.icon = document.getElementById("favicon");
    this.idle = this.icon.href;
    this.busy = this.icon.dataset.busy;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.#unread = 0;
      this.#write();
    });
  }

  /** Questions of others, and answers that have ended. */
  changes(list, log) {
    if (!document.hidden) return;
    this.#unread += list.filter(({ kind, id }) => {
      const message = log.message(id);
      return kind === "closed" || (kind === "opened" && message?.role === "user" && message.author !== this.me);
    }).length;
  }

  show(name, running) {
    this.name = name;
    this.running = running;
    this.#write();
  }

  #write() {
    const unread = this.#unread ? `(${this.#unread}) ` : "";
    const title = `${this.running ? "● " : ""}${unread}${this.name} · chatlab`;
    if (document.title !== title) document.title = title;
    const icon = this.running ? this.busy : this.idle;
    if (icon && this.icon.href !== icon) this.icon.href = icon;
  }
}
