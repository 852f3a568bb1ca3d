// The one door through which HTML comes into the page: what the server rendered and cleaned, cleaned once more by the
// browser where it can do that.

// Everything that cannot run a script: what else is let in, the server has decided.
const SANITIZER = { sanitizer: {} };
const canClean = "setHTML" in Element.prototype;
const policy = canClean ? null : globalThis.trustedTypes?.createPolicy("chatlab", { createHTML: (html) => html });

/** The nodes of a piece of rendered HTML. */
export function nodesOf(html) {
  if (canClean) {
    const box = document.createElement("div");
    box.setHTML(html, SANITIZER);
    return [...box.childNodes];
  }
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(html) : html;
  return [...template.content.childNodes];
}
