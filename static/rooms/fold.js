// A long message that somebody wrote shows its beginning, and a button for the rest. The whole of it is in the page, hidden
// until it is found: a search in the page, or a link to a piece of text, unfolds it.

const CHARACTERS = 1_500; // as in rooms/text.py
const LINES = 20;
const BEGINNING = 1_000; // characters; fewer are seen

const isLong = (text) => text.length > CHARACTERS || text.split("\n", LINES + 1).length > LINES;
const textOf = (article) => article.querySelector(".text");

/** Fold what has just become long. What its reader has unfolded stays so. */
export function foldLong(article, text) {
  const long = isLong(text);
  if (long && article.hasAttribute("data-folded") && !textOf(article).hidden) set(article, false); // found before this ran
  if (long === article.hasAttribute("data-long")) return;
  article.toggleAttribute("data-long", long);
  article.querySelector(".beginning").textContent = long ? text.slice(0, BEGINNING) : "";
  set(article, long);
}

export function unfold(article) {
  if (article?.hasAttribute("data-long")) set(article, false);
}

export function folding({ list, follow }) {
  list.addEventListener("click", (event) => {
    const article = event.target.closest(".fold")?.closest("article");
    if (!article) return;
    follow.release(); // who reads on here does not want to be taken to the end
    const folds = !textOf(article).hidden;
    set(article, folds);
    article.scrollIntoView({ block: folds ? "start" : "nearest" });
  });
  list.addEventListener("beforematch", ({ target }) => {
    follow.release();
    unfold(target.closest("article"));
  });
}

function set(article, folded) {
  const text = textOf(article);
  article.toggleAttribute("data-folded", folded);
  if (folded) text.setAttribute("hidden", "until-found");
  else text.removeAttribute("hidden");
  article.querySelector(".fold").setAttribute("aria-expanded", String(!folded));
}
