// A text that grows at its end, in pieces: the browser lays out only the last one again, however long the text is.
// textContent is always exactly the text. A line end between two pieces is kept in a hidden node: the break between the
// blocks shows it, and a selection that is copied has it once.

const PIECE = 4_096; // from here on, the next line end begins a new piece
const LONGEST = 16_384; // of a piece without any line end; then it is broken at a space
const LOOK_BACK = 200;

/** Append `text`. */
export function grow(node, text) {
  let open = openPiece(node);
  while (text) {
    const end = lineEnd(open, text);
    if (end >= 0 && open.length + end <= LONGEST) {
      open.appendData(text.slice(0, end));
      text = text.slice(end + 1);
      node.append(hiddenLineEnd());
      open = newPiece(node);
    } else if (open.length + text.length > LONGEST) {
      const cut = breakingPoint(text, LONGEST - open.length);
      open.appendData(text.slice(0, cut));
      text = text.slice(cut);
      open = newPiece(node);
    } else {
      open.appendData(text);
      return;
    }
  }
}

function openPiece(node) {
  const last = node.lastChild;
  if (!last) return node.appendChild(document.createTextNode(""));
  return last.nodeType === Node.TEXT_NODE ? last : last.lastChild;
}

function newPiece(node) {
  const block = document.createElement("span");
  node.append(block);
  return block.appendChild(document.createTextNode(""));
}

function hiddenLineEnd() {
  const end = document.createElement("span");
  end.hidden = true;
  end.textContent = "\n";
  return end;
}

/** Where in `text` the piece may end; -1: nowhere. Not behind another line end: at a block's end that one would vanish. */
function lineEnd(open, text) {
  let at = text.indexOf("\n", Math.max(0, PIECE - open.length));
  while (at >= 0 && (at ? text[at - 1] : open.data.at(-1)) === "\n") at = text.indexOf("\n", at + 1);
  return at;
}

function breakingPoint(text, most) {
  const space = text.lastIndexOf(" ", most - 1) + 1;
  if (space > most - LOOK_BACK && space > 0) return space;
  const half = text.charCodeAt(most - 1);
  return most > 0 && half >= 0xd800 && half < 0xdc00 ? most - 1 : Math.max(0, most);
}
