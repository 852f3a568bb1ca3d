// The menu of a room is a <details>, which works by itself. Here it closes as menus do: Escape, or a press elsewhere.

export function roomMenu(menu = document.getElementById("room-menu")) {
  if (!menu) return;
  const close = () => (menu.open = false);
  document.addEventListener("pointerdown", (event) => menu.contains(event.target) || close());
  menu.addEventListener("focusout", (event) => menu.contains(event.relatedTarget) || !event.relatedTarget || close());
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    close();
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("click", (event) => event.target.closest("li") && close());
}
