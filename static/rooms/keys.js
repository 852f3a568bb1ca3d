// Keys that an input method has for itself.

/** 229: some send the Enter that ends a composition after isComposing is false again. */
export const composes = (event) => event.isComposing || event.keyCode === 229;

/** The Enter that ends a composition sends no form. */
export function guardForms() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && composes(event) && event.target.matches("input")) event.preventDefault();
  });
}
