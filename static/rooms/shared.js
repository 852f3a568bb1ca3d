// The page of a read-only link: the same conversation as a room's, without anything to say.

import { copy } from "./clipboard.js";
import { Conversation } from "./conversation.js";
import { codeBeside } from "./dress.js";
import { isTerminal } from "./log.js";
import { setText } from "./message.js";
import { word } from "./words.js";

const conversation = new Conversation({ ondrawn: drawn });
const { connectionView, follow, session, tabTitle, view } = conversation;

window.chatlab = { state: () => session.state(), drawn: (id) => view.drawnOf(id) };

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

function drawn() {
  const { log } = session;
  const name = log.state.room.title || word("untitled");
  const running = log.messages.some((message) => message.role === "assistant" && !isTerminal(message));
  setText(document.getElementById("title"), name);
  tabTitle.show(name, running);
  connectionView.drawCount();
}
