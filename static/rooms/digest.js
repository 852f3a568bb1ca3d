// The digest of a text: CRC-32 of its UTF-8, as 8 lowercase hex digits, continued piece by piece.
// Not crypto.subtle: it is missing on plain http, and it can't be continued.

export const EMPTY_DIGEST = "00000000";

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** The digest of a text whose beginning had the digest `before`. Pieces never split a surrogate pair. */
export function digest(text, before = EMPTY_DIGEST) {
  let crc = ~parseInt(before, 16);
  for (let index = 0; index < text.length; index++) {
    let code = text.charCodeAt(index);
    if (code < 0x80) {
      crc = (crc >>> 8) ^ TABLE[(crc ^ code) & 0xff];
      continue;
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const next = text.charCodeAt(index + 1);
      if (code < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
        index++;
      } else {
        code = 0xfffd;
      }
    }
    for (const byte of utf8(code)) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff];
  }
  return (~crc >>> 0).toString(16).padStart(8, "0");
}

function utf8(code) {
  const tail = (shift) => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x800) return [0xc0 | (code >> 6), tail(0)];
  if (code < 0x10000) return [0xe0 | (code >> 12), tail(6), tail(0)];
  return [0xf0 | (code >> 18), tail(12), tail(6), tail(0)];
}
