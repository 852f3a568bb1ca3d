// Who is in the room: an initial in the person's colour, with the name behind it.

import { initial } from "./message.js";

const SHOWN = 4;

/** `list` is null on a page that does not say who is there. */
export function showMembers(list, members) {
  if (!list) return;
  const here = Object.values(members).filter((member) => member.role !== "left");
  const avatars = here.slice(0, SHOWN).map((member) => avatar(member.name, initial(member.name), member.color));
  const rest = here.slice(SHOWN);
  if (rest.length) avatars.push(avatar(rest.map((member) => member.name).join(", "), `+${rest.length}`));
  list.replaceChildren(...avatars);
}

function avatar(name, label, color) {
  const node = document.createElement("li");
  node.className = color ? "avatar" : "avatar more";
  if (color) node.dataset.color = color;
  node.title = name;
  const shown = document.createElement("span");
  shown.setAttribute("aria-hidden", "true");
  shown.textContent = label;
  const said = document.createElement("span");
  said.className = "visually-hidden";
  said.textContent = name;
  node.append(shown, said);
  return node;
}
