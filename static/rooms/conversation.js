// A conversation in a page: what a room's page and that of a read-only link have in common. Log, session and view wired,
// with the connection shown, what is new announced, and the tab's title kept.

import { Announcer } from "./announcer.js";
import { ConnectionView } from "./connection-view.js";
import { here, waitAtDoor } from "./door.js";
import { earlierPage } from "./earlier.js";
import { Follow } from "./follow.js";
import { RoomSession } from "./session.js";
import { TabTitle } from "./tab-title.js";
import { RoomView } from "./view.js";
import { stayAwake } from "./wake.js";
import { word } from "./words.js";

const read = (id) => JSON.parse(document.getElementById(id).textContent);

export const config = read("config");

const MAY_OPEN = [4501, 4503]; // not signed in any more; not for this caller: another tab can change both

export class Conversation {
  /**
   * `stopping(id)` and `ondrawn()` as the view asks; `storage` and `socket` as the session; `on` hears what it hears, too.
   * `opens()` asks over HTTP whether this page would be let in now.
   */
  constructor({ stopping = () => false, storage = null, socket = {}, ondrawn, opens, on = {} }) {
    document.documentElement.classList.add("js");
    this.tabTitle = new TabTitle({ me: config.me.id });
    this.announcer = new Announcer({ me: config.me.id, model: config.model.name });
    this.follow = new Follow({
      scroller: document.getElementById("scroller"),
      content: document.querySelector(".column"),
      jump: document.getElementById("jump"),
    });
    this.connectionView = new ConnectionView({
      cursor: () => this.session?.log.seq ?? 0,
      announce: (text) => this.announcer.inform(text),
      ontry: () => this.session.socket.check(),
    });
    this.view = new RoomView({
      log: () => this.session.log,
      me: config.me,
      model: config.model.name,
      stopping,
      follow: this.follow,
      ondrawn,
    });
    this.session = new RoomSession({
      config,
      snapshot: read("snapshot"),
      url: new URL(config.socket, location.href.replace(/^http/, "ws")).href,
      storage,
      socket,
      on: {
        outbox() {},
        ...on,
        changes: (list, isLive) => this.#changed(list, isLive, on.changes),
        connection: (shown) => this.#connected(shown),
        gone: (code) => MAY_OPEN.includes(code) && waitAtDoor({ opens, enter: () => this.session.socket.comeBack(), urgent: true }),
      },
    });
    this.view.earlier.addEventListener("click", async () => {
      if (!(await this.loadEarlier())) this.connectionView.refuse(word("earlier.failed"));
    });
  }

  /** Take over what the server rendered. */
  hydrate() {
    this.view.store(read("rendered"));
    this.view.hydrate();
  }

  start() {
    stayAwake(this.session);
    this.session.start();
    here();
  }

  loadEarlier() {
    return earlierPage({ view: this.view, log: this.session.log, api: config.api });
  }

  #changed(list, isLive, then) {
    this.view.changes(list, isLive);
    if (isLive) this.announcer.changes(list, this.session.log);
    this.tabTitle.changes(list, this.session.log);
    then?.(list, isLive);
  }

  #connected(shown) {
    if (shown.state === "live") this.view.level();
    this.connectionView.show(shown);
  }
}
