// The page of a read-only link: the same conversation as a room's, without anything to say.

import { copy } from "./clipboard.js";
import { config, Conversation } from "./conversation.js";
import { answers } from "./door.js";
import { codeBeside } from "./dress.js";
import { isTerminal } from "./log.js";
import { setText } from "./message.js";
import { showMoments } from "./times.js";
import { word } from "./words.js";

const conversation = new Conversation({ ondrawn: drawn, opens });
const { connectionView, follow, session, tabTitle, view } = conversation;

window.chatlab = { state: () => session.state(), drawn: (id) => view.drawnOf(id) };

showMoments();
conversation.hydrate();
follow.pin();
view.list.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-action^=copy]");
  if (!button) return;
  const code = button.dataset.action === "copy-code";
  const done = await copy(code ? codeBeside(button) : view.textOf(button.closest("article").dataset.message));
  connectionView.tell(word(done ? "copied" : "copy.failed"));
});
conversation.start();

/** The session may have ended that the token was shown to; the address still has it. */
async function opens() {
  const token = location.hash.slice(1);
  if (token) await answers(location.pathname, { method: "POST", body: new URLSearchParams({ token }) });
  return answers(`${config.api}/messages?before=0`);
}

function drawn() {
  const { log } = session;
  const name = log.state.room.title || word("untitled");
  const running = log.messages.some((message) => message.role === "assistant" && !isTerminal(message));
  setText(document.getElementById("title"), name);
  tabTitle.show(name, running);
}
