// The pages around the rooms: times that say how long ago, the palette and the keys.

import { commands } from "./commands.js";
import { here } from "./door.js";
import { showAgo } from "./times.js";

document.documentElement.classList.add("js");

const times = document.querySelectorAll("time[data-relative]");
const show = () => times.forEach(showAgo);
show();
setInterval(show, 30_000);
commands();
here();
