// What is promised about the sources themselves.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const files = (folder, end) => readdirSync(new URL(folder, root)).filter((name) => name.endsWith(end)).map((name) => folder + name);
const scripts = files("static/rooms/", ".js");
const templates = ["templates/", "templates/rooms/", "templates/registration/"].flatMap((folder) => files(folder, ".html"));

test("HTML comes in by one door, and only what the server rendered goes through it", () => {
  const doors = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML|createContextualFragment/;
  for (const path of scripts) if (!path.endsWith("/html.js")) assert.doesNotMatch(read(path), doors, path);
  const users = scripts.filter((path) => /from "\.\/html\.js"/.test(read(path)));
  assert.deepEqual(users, ["static/rooms/prose.js"]);
});

test("nothing that a strict content security policy forbids", () => {
  for (const path of templates) {
    const markup = read(path);
    assert.doesNotMatch(markup, /\sstyle=|\son\w+=|javascript:|\|safe/, path);
    for (const [, attributes] of markup.matchAll(/<script([^>]*)>/g)) assert.match(attributes, /type="module" src="\{% static /, path);
  }
  for (const path of scripts) assert.doesNotMatch(read(path), /\beval\(|new Function|setAttribute\("style"/, path);
});

test("modules import what exists, and re-export nothing: hashed file names would break it", () => {
  for (const path of scripts) {
    const source = read(path);
    assert.doesNotMatch(source, /^export\b[^;{]*(\{[^}]*\})?\s*from\b/m, path);
    for (const [, name] of source.matchAll(/from "\.\/([\w-]+\.js)"/g)) assert.ok(scripts.includes(`static/rooms/${name}`), `${path}: ${name}`);
  }
});

test("every sentence that scripts ask for stands in a template, and every one there is asked for", () => {
  const written = new Set(templates.flatMap((path) => Array.from(read(path).matchAll(/data-word="([\w.-]+)"/g), ([, key]) => key)));
  const all = scripts.map(read).join("\n");
  const asked = Array.from(all.matchAll(/(?:[wW]ord|withOutbox)\((?:[\w.]+ \? )?"([\w.-]+)"/g), ([, key]) => key);
  assert.ok(asked.length > 30);
  for (const key of asked) assert.ok(written.has(key) || written.has(`${key}.other`), `no sentence for ${key}`);
  for (const key of written) {
    const stem = key.replace(/\.(one|other)$/, "");
    const family = stem.replace(/\.[^.]+$/, "");
    assert.ok(all.includes(`"${stem}"`) || all.includes(`\`${family}.\${`), `nobody says ${key}`);
  }
});
