// An invitation is accepted at once, by POST. Where that does not last (no cookies), the button stays.

const form = document.getElementById("join");
const note = document.getElementById("join-note");
const tried = `chatlab.join.${location.pathname}`;

async function join() {
  note.textContent = note.dataset.joining;
  try {
    const response = await fetch(form.dataset.api, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
      body: "{}",
    });
    if (!response.ok) throw new Error(response.statusText);
    location.reload();
  } catch {
    note.textContent = note.dataset.failed;
  }
}

try {
  if (!sessionStorage.getItem(tried)) {
    sessionStorage.setItem(tried, "1");
    join();
  }
} catch {
  // Without storage there is nothing to tell the second try from the first: the button it is.
}
