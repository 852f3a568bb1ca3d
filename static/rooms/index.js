// The pages around the rooms: times that say how long ago, the palette and the keys.

import { commands } from "./commands.js";
import { here } from "./door.js";
import { showAgo, tellZone } from "./times.js";

const times = document.querySelectorAll("time[data-relative]");
const show = () => times.forEach(showAgo);
show();
document.documentElement.classList.add("js");
setInterval(show, 30_000);
commands();
here();
tellZone();
