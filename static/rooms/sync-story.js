// The story of the page, played by itself in about 20 s: a question, a cut, words written without a wire, and the same
// text everywhere in the end. It uses the tabs as a person does: by their switches, their boxes and their buttons.

const TYPING = 22; // milliseconds a character
const LOOK = 50;
const PATIENCE = 60_000; // a real model may think

export class Story {
  /** `say(step)` is told where the story stands; `panes` are at least two. */
  constructor({ panes, say, questions }) {
    Object.assign(this, { panes, say, questions });
    this.stopped = new AbortController();
  }

  stop() {
    this.stopped.abort();
  }

  /** Resolves when all has been told; rejects where it was stopped, or something did not come. */
  async play() {
    const [first, second] = this.panes;
    for (const pane of this.panes) if (pane.isCut) pane.plug();
    await this.#until(() => this.panes.every(({ state }) => state?.state === "live"));
    const before = first.state.messages;
    this.say("ask");
    await this.#write(first, this.questions[0]);
    await this.#until(() => this.panes.every(({ state }) => state.messages >= before + 2 && state.length > 60));
    await this.#pause(1_800);
    this.say("cut");
    second.cut();
    await this.#pause(1_500);
    this.say("write");
    await this.#write(second, this.questions[1]);
    await this.#until(() => first.seq - second.seq > 20);
    await this.#pause(2_600);
    this.say("plug");
    second.plug();
    await this.#until(() => second.state.outbox === 0 && this.panes.every(({ state }) => state.messages >= before + 4));
    await this.#pause(1_200);
    this.say("together");
    await this.#until(() => this.panes.every((pane) => pane.isIdle) && this.panes.every(({ seq }) => seq === first.seq));
    await this.#pause(700);
    this.say("end");
  }

  async #write(pane, text) {
    const { document, Event } = pane.frame.contentWindow;
    const box = document.getElementById("text");
    box.value = "";
    for (const character of text) {
      box.value += character;
      box.dispatchEvent(new Event("input", { bubbles: true }));
      await this.#pause(TYPING);
    }
    await this.#pause(300);
    document.getElementById("composer").requestSubmit();
  }

  #pause(ms) {
    return new Promise((resolve, reject) => {
      const { signal } = this.stopped;
      signal.throwIfAborted();
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  async #until(condition) {
    const ends = performance.now() + PATIENCE;
    while (!condition()) {
      if (performance.now() > ends) throw new Error("the story waited in vain");
      await this.#pause(LOOK);
    }
  }
}
