// A recorded answer, and where in it a player stands. Pure: time is given to it, nothing is drawn.

export const SPEEDS = [1, 4, 16];

/** What a player needs of a message's deltas: the pieces of its text with their times, in milliseconds from the start. */
export function recordingOf(items) {
  const appended = items.filter(({ kind, part }) => kind === "appended" && part === "text");
  const first = items.find(({ kind }) => kind === "started") ?? appended[0];
  const last = items.findLast(({ kind }) => kind === "closed") ?? appended.at(-1);
  if (!first || !appended.length) return null;
  const start = Date.parse(first.at);
  let length = 0;
  // A continued answer begins with the old text, which came before its start.
  const pieces = appended.map(({ at, text }) => {
    length += text.length;
    return { at: Math.max(0, Date.parse(at) - start), end: length };
  });
  const text = appended.map((item) => item.text).join("");
  return { text, pieces, duration: Math.max(pieces.at(-1).at, Date.parse(last.at) - start) };
}

export class Playback {
  position = 0;
  playing = false;
  speed = 1;

  constructor(recording) {
    this.recording = recording;
  }

  get ended() {
    return this.position >= this.recording.duration;
  }

  /** So many real milliseconds have passed. */
  advance(ms) {
    if (!this.playing) return;
    this.seek(this.position + ms * this.speed);
    if (this.ended) this.playing = false;
  }

  seek(position) {
    this.position = Math.min(Math.max(0, position), this.recording.duration);
  }

  toggle() {
    if (!this.playing && this.ended) this.position = 0;
    this.playing = !this.playing;
  }

  /** How many UTF-16 units stood there at this position. */
  get length() {
    return lengthAt(this.recording.pieces, this.position);
  }

  get text() {
    return this.recording.text.slice(0, this.length);
  }
}

export function lengthAt(pieces, position) {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pieces[middle].at <= position) low = middle + 1;
    else high = middle;
  }
  return low ? pieces[low - 1].end : 0;
}

/** Points of the curve of characters over time, in a box of width x height, as an SVG path that is closed below. */
export function curve({ pieces, duration, text }, width, height, points = 200) {
  const steps = Array.from({ length: points + 1 }, (_, n) => {
    const x = (n / points) * width;
    const y = height - (lengthAt(pieces, (n / points) * duration) / text.length) * height;
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return `M0 ${height}L${steps.join("L")}L${width} ${height}Z`;
}
