// The room page: reads what the server rendered beside it, and wires session, view and composer.

import { Branches } from "./branches.js";
import { copy } from "./clipboard.js";
import { commands } from "./commands.js";
import { Composer } from "./composer.js";
import { config, Conversation } from "./conversation.js";
import { isMember } from "./door.js";
import { drawer } from "./drawer.js";
import { Editing } from "./editing.js";
import { unfold } from "./fold.js";
import { Governing } from "./governing.js";
import { setText } from "./message.js";
import { messageActions } from "./message-actions.js";
import { ModelChoice } from "./model.js";
import { People } from "./people.js";
import { refusalOf } from "./reasons.js";
import { Rename } from "./rename.js";
import { roomCommands } from "./room-commands.js";
import { roomMenu } from "./room-menu.js";
import { Replay } from "./replay.js";
import { Sidebar } from "./sidebar.js";
import { Stops } from "./stops.js";
import { Unruly } from "./unruly.js";
import { word } from "./words.js";

const title = document.getElementById("title");
const sidebar = new Sidebar({ room: config.room });

// On the page with the tabs the wire can be made to misbehave.
const wire = config.tab ? new Unruly() : null;
let composer = null;
const conversation = new Conversation({
  stopping: (id) => session.isStopping(id),
  storage: storage(),
  socket: wire ? { create: wire.open } : {},
  ondrawn: drawn,
  opens: () => isMember(config.api),
  on: {
    changes(list) {
      if (list.some(({ kind }) => kind === "member" || kind === "reset")) people.draw();
    },
    presence: (frame) => people.here(frame),
    other: becameAnother,
    newer: (version) => connectionView.offerReload(word("newer", { version })),
    outbox(items) {
      view.pending.set(items);
      connectionView.outbox(items.length);
      composer?.underWay(textsOf(items));
    },
    refused: (frame) => !frame.client_id && connectionView.refuse(word("refused", { detail: refusalOf(frame) })),
  },
});
const { announcer, connectionView, follow, session, tabTitle, view } = conversation;
composer = new Composer({
  limit: config.limits.text,
  draft: `chatlab.draft.${config.room}.${config.tab}`,
  underWay: textsOf(session.outbox.items),
  onsend: post,
  onclose: () => editing.leave(),
  onstop: () => stops.stopMine(),
  ontyping: () => session.typing(),
  onrefuse: (sentence) => connectionView.refuse(sentence),
});

const stops = new Stops({ session, view, me: config.me.id, tell: (text) => connectionView.tell(text) });
const people = new People({
  log: () => session.log,
  me: config.me,
  api: config.api,
  ontyping: (names) => connectionView.typing(names),
  onnamed: (name) => connectionView.tell(word("people.named", { name })),
});
const editing = new Editing({
  composer,
  mine: () => session.log.shown.findLast((message) => message.role === "user" && message.author === config.me.id),
});
const branches = new Branches({
  log: () => session.log,
  list: view.list,
  onchoose(chosen) {
    const sent = session.socket.send({ type: "room", chosen });
    if (!sent) connectionView.refuse(word("versions.offline"));
    return sent;
  },
});

new Rename({
  current: () => session.log.state.room.title ?? "",
  onrename(title) {
    if (!session.socket.send({ type: "room", title })) connectionView.refuse(word("rename.offline"));
  },
});

const modelChoice = new ModelChoice({
  current: () => session.log.state.room.model || config.model.name,
  onchoose(model) {
    const sent = session.socket.send({ type: "room", model });
    if (!sent) connectionView.refuse(word("model.offline"));
    return sent;
  },
});

const governing = new Governing({
  log: () => session.log,
  me: config.me.id,
  send: (frame) => session.socket.send(frame),
  tell: (sentence) => connectionView.tell(sentence),
  refuse: (sentence) => connectionView.refuse(sentence),
  outside: (sentence) => connectionView.askForReload(sentence),
});

const replay = new Replay({ api: config.api, onfail: (sentence) => connectionView.refuse(sentence) });

window.chatlab = {
  get log() {
    return session.log;
  },
  state: () => session.state(),
  drawn: (id) => view.drawnOf(id),
  cut: () => session.socket.cut(),
  plug: () => session.socket.plug(),
  post,
  wire,
};

conversation.hydrate();
people.draw();
view.pending.set(session.outbox.items);
connectionView.outbox(session.outbox.items.length);
showTarget();
drawer(() => sidebar.reveal());
roomMenu();
commands(
  roomCommands({ log: () => session.log, list: view.list, announcer, stops, governing, copied, tell: (text) => connectionView.tell(text) }),
);
messageActions({ session, view, follow, composer, editing, branches, replay, copied, stop: (id) => stops.stop(id) });
listen();
conversation.start();

function post(text) {
  follow.pin();
  return session.post(text, editing.take()).client_id;
}

function textsOf(items) {
  return items.map(({ frame }) => frame.text).filter(Boolean);
}

/** After each batch: what stands outside of the list of messages. */
function drawn() {
  const running = stops.running.length > 0;
  const name = session.log.state.room.title || word("untitled");
  composer.running(Boolean(stops.mine));
  setText(title, name);
  tabTitle.show(name, running);
  sidebar.current({ title: name, live: running });
  modelChoice.show();
  governing.draw();
  branches.drawn();
}

/** Somebody signed in, or out and in, in another tab. Where nothing would be lost, the page begins anew by itself. */
function becameAnother(me) {
  const unsent = session.outbox.items.length > 0;
  if (!unsent && (document.hidden || composer.isEmpty)) location.reload();
  else connectionView.askForReload(word(unsent ? "other.unsent" : "other", { name: me.name }));
}

/** To the message that the address names, however old it is; else to the end. */
async function showTarget() {
  follow.pin();
  const id = location.hash.startsWith("#m-") && location.hash.slice(1);
  if (!id) return;
  const { log } = session;
  while (!log.message(id.slice(2)) && log.earlier) {
    if (!(await conversation.earlier.load())) return;
  }
  const article = document.getElementById(id);
  unfold(article); // what was looked for may stand below its beginning
  article?.scrollIntoView({ block: "start" });
  if (!article && log.message(id.slice(2))) connectionView.tell(word("target.elsewhere"));
}

async function copied(text, sentence = word("copied")) {
  announcer.inform("");
  const done = await copy(text);
  connectionView.tell(done ? sentence : word("copy.failed"));
}

function listen() {
  addEventListener("hashchange", showTarget);
  document.getElementById("suggestions")?.addEventListener("submit", (event) => {
    event.preventDefault();
    post(event.submitter.value);
  });
  const invite = document.querySelector("[data-action=invite]");
  invite?.addEventListener("click", () => copied(new URL(invite.dataset.link, location.href).href, word(session.log.state.room.locked ? "copied.link.locked" : "copied.link")));
}

/** Asking for it throws where storage is forbidden. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
