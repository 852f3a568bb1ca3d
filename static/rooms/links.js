// Copy buttons beside the fields that hold a link.

import { copy } from "./clipboard.js";
import { showMoments } from "./times.js";

showMoments();
document.documentElement.classList.add("js");

const status = document.getElementById("status");

for (const button of document.querySelectorAll(".copy-field [data-action=copy]")) {
  const field = button.parentElement.querySelector("input");
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    status.textContent = "";
    const done = await copy(field.value);
    if (!done) field.focus();
    status.textContent = done ? status.dataset.copied : status.dataset.failed;
    if (done) button.querySelector("[data-part=label]").textContent = status.dataset.copied;
  });
}
