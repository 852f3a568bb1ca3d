// As much of a DOM as what draws text touches. Import it before the module that is tested.

class FakeNode {
  parent = null;
  remove() {
    if (this.parent) this.parent.childNodes.splice(this.parent.childNodes.indexOf(this), 1);
    this.parent = null;
  }
}

export class FakeText extends FakeNode {
  nodeType = 3;
  constructor(data) {
    super();
    this.data = data;
  }
  get length() {
    return this.data.length;
  }
  get textContent() {
    return this.data;
  }
  appendData(text) {
    this.data += text;
  }
  get html() {
    return this.data.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  }
}

export class FakeElement extends FakeNode {
  nodeType = 1;
  className = "";
  hidden = false;
  childNodes = [];
  attributes = {};
  constructor(name) {
    super();
    this.name = this.localName = name;
  }
  get firstChild() {
    return this.childNodes[0];
  }
  get lastChild() {
    return this.childNodes.at(-1);
  }
  get children() {
    return this.childNodes.filter((node) => node.nodeType === 1);
  }
  get textContent() {
    return this.childNodes.map((node) => node.textContent).join("");
  }
  set textContent(text) {
    this.childNodes = [];
    if (text) this.append(new FakeText(text));
  }
  append(...nodes) {
    for (const node of nodes) {
      node.remove();
      node.parent = this;
      this.childNodes.push(node);
    }
  }
  appendChild(node) {
    this.append(node);
    return node;
  }
  replaceChildren() {
    this.childNodes = [];
  }
  replaceWith(node) {
    this.parent.childNodes[this.parent.childNodes.indexOf(this)] = node;
    node.parent = this.parent;
    this.parent = null;
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  get html() {
    const start = this.attributes.start ? ` start="${this.attributes.start}"` : "";
    const look = this.className ? ` class="${this.className}"` : "";
    const inside = this.childNodes.map((node) => node.html).join("");
    return ["br", "hr"].includes(this.name) ? `<${this.name}>` : `<${this.name}${look}${start}>${inside}</${this.name}>`;
  }
}

globalThis.Node = { TEXT_NODE: 3, ELEMENT_NODE: 1 };
globalThis.document = {
  documentElement: {},
  getElementById: () => null,
  createElement: (name) => new FakeElement(name),
  createTextNode: (data) => new FakeText(data),
};
