// What happens to a page that a socket may not survive: each time the session looks at once, instead of at its next beat.

const AWAY_AFTER = 5_000; // hidden for so long, nobody looks at it

export function stayAwake(session) {
  const { socket, connection } = session;
  let hidden = null;
  addEventListener("online", () => {
    connection.online(true);
    socket.check();
  });
  addEventListener("offline", () => {
    connection.online(false);
    socket.check();
  });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(() => session.look(false), AWAY_AFTER);
    else session.look(true);
  });
  document.addEventListener("resume", () => socket.check());
  addEventListener("focus", () => socket.check());
  // Left, a page says nothing of it. In the back/forward cache a socket claims to be open and is not: it is made anew.
  addEventListener("pagehide", () => socket.pause());
  addEventListener("pageshow", (event) => event.persisted && socket.connect());
}
