// On narrow screens the list of rooms is a dialog: the one sidebar moves into it and back.

/** `onopen()` is called when the list can be seen. */
export function drawer(onopen) {
  const dialog = document.getElementById("drawer");
  const sidebar = document.getElementById("sidebar");
  if (!dialog || !sidebar) return;
  document.querySelector("[data-action=open-drawer]").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.append(...sidebar.childNodes);
    dialog.showModal();
    onopen();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-action=close-drawer]")) dialog.close();
  });
  dialog.addEventListener("close", () => sidebar.append(...dialog.childNodes));
  matchMedia("(width >= 48rem)").addEventListener("change", () => dialog.close());
}
