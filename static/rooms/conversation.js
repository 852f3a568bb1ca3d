// A conversation in a page: what a room's page and that of a read-only link have in common. Log, session and view wired,
// with the connection shown, what is new announced, and the tab's title kept.

import { Announcer } from "./announcer.js";
import { ConnectionView } from "./connection-view.js";
import { here, waitAtDoor } from "./door.js";
import { Earlier } from "./earlier.js";
import { folding } from "./fold.js";
import { Follow } from "./follow.js";
import { askServer } from "./obstacle.js";
import { RoomSession } from "./session.js";
import { TabTitle } from "./tab-title.js";
import { tellZone } from "./times.js";
import { RoomView } from "./view.js";
import { stayAwake } from "./wake.js";
import { word } from "./words.js";

const read = (id) => JSON.parse(document.getElementById(id).textContent);

export const config = read("config");

const RENEW_EVERY = 6 * 3_600_000; // a session lives on with requests, and a page that stays open makes none
const MAY_OPEN = [4501, 4503]; // not signed in any more; not for this caller: another tab can change both

export class Conversation {
  #letIn = false;

  /**
   * `stopping(id)` and `ondrawn()` as the view asks; `storage` and `socket` as the session; `on` hears what it hears, too.
   * `opens()` asks over HTTP whether this page would be let in now.
   */
  constructor({ stopping = () => false, storage = null, socket = {}, ondrawn, opens, on = {} }) {
    this.opens = opens;
    this.tabTitle = new TabTitle({ me: config.me.id });
    this.announcer = new Announcer({ me: config.me.id, model: config.model.name });
    this.follow = new Follow({
      scroller: document.getElementById("scroller"),
      content: document.querySelector(".column"),
      jump: document.getElementById("jump"),
    });
    this.connectionView = new ConnectionView({
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
      ask: askServer,
      socket,
      on: {
        outbox() {},
        ...on,
        changes: (list, isLive) => this.#changed(list, isLive, on.changes),
        connection: (shown) => this.#connected(shown),
        gone: (code) => MAY_OPEN.includes(code) && this.#sentAway(opens),
      },
    });
    folding({ list: this.view.list, follow: this.follow });
    this.earlier = new Earlier({
      view: this.view,
      log: () => this.session.log,
      api: config.api,
      scroller: this.follow.scroller,
      onfail: () => this.connectionView.refuse(word("earlier.failed")),
    });
  }

  /** Take over what the server rendered. */
  hydrate() {
    this.view.store(read("rendered"));
    this.view.hydrate();
  }

  start() {
    document.documentElement.classList.add("js"); // what only scripts can do is offered from here on
    tellZone();
    stayAwake(this.session);
    this.session.start();
    this.earlier.watch();
    setInterval(this.opens, RENEW_EVERY);
    here();
  }

  /** Pages may let this browser in again. Where they do and sockets do not, those come without its cookie. */
  #sentAway(opens) {
    const enter = () => {
      this.#letIn = true;
      this.session.socket.comeBack();
    };
    if (this.#letIn) this.connectionView.askForReload(word("gone.blocked"));
    else waitAtDoor({ opens, enter, urgent: true });
  }

  #changed(list, isLive, then) {
    this.view.changes(list, isLive);
    if (isLive) this.announcer.changes(list, this.session.log);
    this.tabTitle.changes(list, this.session.log);
    then?.(list, isLive);
  }

  #connected(shown) {
    if (shown.state === "live") {
      this.#letIn = false;
      this.view.level();
    }
    this.connectionView.show(shown);
  }
}
