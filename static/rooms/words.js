// The sentences that scripts say. They are written, and translated, in the page's template; here they are only looked up.

const words = new Map(
  Array.from(document.getElementById("words")?.content.querySelectorAll("[data-word]") ?? [], (node) => [
    node.dataset.word,
    node.textContent,
  ]),
);
const language = document.documentElement.lang || "en";
const plural = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

const and = new Intl.ListFormat(language, { type: "conjunction" });

export const listed = (parts) => and.format(parts);
export const number = (value) => numbers.format(value);
export const hasWord = (key) => words.has(key);

/** `values` fill the {…} of a sentence; where there is a form for the number `n` (key.one, key.other), that one is taken. */
export function word(key, values = {}) {
  const form = "n" in values ? [`${key}.${plural.select(values.n)}`, `${key}.other`].find(hasWord) : undefined;
  const sentence = words.get(form ?? key) ?? key;
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => {
    if (!(name in values)) return whole;
    return typeof values[name] === "number" ? number(values[name]) : values[name];
  });
}
