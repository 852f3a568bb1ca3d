// The buttons of a message: what each of them does.

import { codeBeside } from "./dress.js";

export function messageActions({ session, view, follow, composer, editing, branches, replay, copied, stop }) {
  const again = (type, id) => {
    follow.pin();
    session.again(type, id);
  };
  const discard = (clientId) => {
    view.pending.discard(clientId);
    return session.outbox.discard(clientId);
  };
  // Each is given the message's id and, for one that is still in the outbox, the client's.
  const actions = {
    __proto__: null,
    stop,
    retry: (id) => again("retry", id),
    continue: (id) => again("continue", id),
    copy: (id) => copied(view.textOf(id)),
    "copy-code": (id, clientId, button) => copied(codeBeside(button)),
    replay: (id) => replay.open(id, view.bylineOf(id)),
    resend: (id, clientId) => session.outbox.retry(clientId),
    edit: (id, clientId) => (id ? editing.begin(session.log.message(id)) : composer.put(discard(clientId)?.frame.text ?? "")),
    discard: (id, clientId) => discard(clientId),
    "version-before": (id) => branches.step(id, -1, "version-before"),
    "version-after": (id) => branches.step(id, 1, "version-after"),
  };
  view.list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    const article = button?.closest("article");
    if (article) actions[button.dataset.action]?.(article.dataset.message, article.dataset.client, button);
  });
}
