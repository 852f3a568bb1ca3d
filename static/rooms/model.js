// The model of the room, where there is a choice. What is chosen shows when it comes back through the log, as for everybody.

export class ModelChoice {
  /** `current()` is the model that the log holds; `onchoose(name)` is false where it could not be sent. */
  constructor({ current, onchoose }) {
    this.current = current;
    this.select = document.getElementById("model");
    this.select?.addEventListener("change", () => {
      if (!onchoose(this.select.value)) this.show();
    });
  }

  show() {
    if (this.select && document.activeElement !== this.select) this.select.value = this.current();
  }
}
