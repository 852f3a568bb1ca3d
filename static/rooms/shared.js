// The page of a read-only link: the same log, session and view as a room's, without anything to say.

import { Announcer } from "./announcer.js";
import { copy } from "./clipboard.js";
import { ConnectionView } from "./connection-view.js";
import { codeBeside } from "./dress.js";
import { earlierPage } from "./earlier.js";
import { Follow } from "./follow.js";
import { isTerminal } from "./log.js";
import { setText } from "./message.js";
import { RoomSession } from "./session.js";
import { TabTitle } from "./tab-title.js";
import { RoomView } from "./view.js";
import { stayAwake } from "./wake.js";
import { word } from "./words.js";

document.documentElement.classList.add("js");

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const config = read("config");

const tabTitle = new TabTitle({ me: config.me.id });
const announcer = new Announcer({ me: config.me.id, model: config.model.name });
const follow = new Follow({
  scroller: document.getElementById("scroller"),
  content: document.querySelector(".column"),
  jump: document.getElementById("jump"),
});
const connectionView = new ConnectionView({
  cursor: () => session?.log.seq ?? 0,
  announce: (text) => announcer.inform(text),
  ontry: () => session.socket.check(),
});

let session = null;
const view = new RoomView({
  log: () => session.log,
  me: config.me,
  model: config.model.name,
  stopping: () => false,
  follow,
  ondrawn: drawn,
});
session = new RoomSession({
  config,
  snapshot: read("snapshot"),
  url: new URL(config.socket, location.href.replace(/^http/, "ws")).href,
  storage: null,
  on: {
    changes(list, isLive) {
      view.changes(list, isLive);
      if (isLive) announcer.changes(list, session.log);
      tabTitle.changes(list, session.log);
    },
    connection(shown) {
      if (shown.state === "live") view.level();
      connectionView.show(shown);
    },
    outbox() {},
  },
});

window.chatlab = { state: () => session.state(), drawn: (id) => view.drawnOf(id) };

view.store(read("rendered"));
view.hydrate();
follow.pin();
view.earlier.addEventListener("click", async () => {
  if (!(await earlierPage({ view, log: session.log, api: config.api }))) connectionView.refuse(word("earlier.failed"));
});
view.list.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-action^=copy]");
  if (!button) return;
  const code = button.dataset.action === "copy-code";
  const done = await copy(code ? codeBeside(button) : view.textOf(button.closest("article").dataset.message));
  connectionView.tell(word(done ? "copied" : "copy.failed"));
});
stayAwake(session);
session.start();

function drawn() {
  const { log } = session;
  const name = log.state.room.title || word("untitled");
  const running = log.messages.some((message) => message.role === "assistant" && !isTerminal(message));
  setText(document.getElementById("title"), name);
  tabTitle.show(name, running);
  connectionView.drawCount();
}
