// The list of rooms: times that say how long ago.

import { showAgo } from "./times.js";

const times = document.querySelectorAll("time[data-relative]");
const show = () => times.forEach(showAgo);
show();
setInterval(show, 30_000);
