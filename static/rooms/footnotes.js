// From a footnote's number to the note and back. Without ids: each message of a page may have a footnote 1.

export function linkFootnotes(numbers) {
  for (const number of numbers) {
    number.tabIndex = 0;
    number.setAttribute("role", "link");
    number.addEventListener("click", () => jump(number));
    number.addEventListener("keydown", (event) => event.key === "Enter" && jump(number));
  }
}

const standsBeforeNote = (number) => number.parentElement.matches("div.footnote");

function jump(number) {
  const same = [...number.closest(".prose").querySelectorAll("sup.footnote")].filter((other) => other.textContent === number.textContent);
  const target = same.find((other) => standsBeforeNote(other) !== standsBeforeNote(number));
  target?.scrollIntoView({ block: "nearest" });
  target?.focus({ preventScroll: true });
}
