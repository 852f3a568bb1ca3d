// What happens to a page that a socket may not survive: each time the session looks at once, instead of at its next beat.

export function stayAwake({ socket, connection }) {
  addEventListener("online", () => {
    connection.online(true);
    socket.check();
  });
  addEventListener("offline", () => {
    connection.online(false);
    socket.check();
  });
  document.addEventListener("visibilitychange", () => document.hidden || socket.check());
  document.addEventListener("resume", () => socket.check());
  addEventListener("focus", () => socket.check());
  // In the back/forward cache a socket says that it is open and is not: it is closed on the way in, and made anew.
  addEventListener("pagehide", (event) => event.persisted && socket.pause());
  addEventListener("pageshow", (event) => event.persisted && socket.connect());
}
