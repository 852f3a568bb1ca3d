// An invitation that is accepted in another tab is accepted in this one, too: one browser is one person in a room.

import { isMember, waitAtDoor } from "./door.js";

const { api } = document.getElementById("invitation").dataset;

waitAtDoor({ opens: () => isMember(api), enter: () => location.reload() });
