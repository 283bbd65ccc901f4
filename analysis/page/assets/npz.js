"use strict";
/* Candidate files, as `supertrainer show` and `supertrainer score` read them: numpy arrays in a zip
   that is not compressed. */

const text = (value) => new TextEncoder().encode(value);
const joined = (parts) => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => { all.set(part, at); return at + part.length; }, 0);
  return all;
};
/** Whole numbers as bytes, the lowest first; each is [value, count of bytes]. */
const little = (...numbers) => Uint8Array.from(numbers.flatMap(([value, count]) => (
  Array.from({ length: count }, (_, i) => Math.floor(value / 256 ** i) % 256))));
const shapeOf = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

/** An array in numpy's format: a header of 64 bytes or a multiple, then the values. */
function npy({ type, shape, content }) {
  const said = `{'descr': '${type}', 'fortran_order': False, 'shape': ${shapeOf(shape)}, }`;
  const header = said.padEnd(Math.ceil((said.length + 11) / 64) * 64 - 11) + "\n";
  return joined([Uint8Array.of(0x93), text("NUMPY"), Uint8Array.of(1, 0), little([header.length, 2]), text(header), content]);
}

/** The checksum of a zip's members (CRC-32). */
function checksum(content) {
  let found = 0xffffffff;
  for (const byte of content) {
    found ^= byte;
    for (let bit = 0; bit < 8; bit++) found = (found >>> 1) ^ (found & 1 ? 0xedb88320 : 0);
  }
  return (found ^ 0xffffffff) >>> 0;
}

/** A zip of files, { name: bytes }, stored as they are. */
function zip(files) {
  const locals = [], entries = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const about = [[20, 2], [0, 2], [0, 2], [0, 2], [0x21, 2], // version, flags, stored, 1980-01-01
      [checksum(content), 4], [content.length, 4], [content.length, 4], [name.length, 2], [0, 2]];
    const local = joined([little([0x04034b50, 4], ...about), text(name), content]);
    const rest = [[0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]];
    entries.push(joined([little([0x02014b50, 4], [20, 2], ...about, ...rest), text(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = joined(entries), count = entries.length;
  return joined([...locals, directory, little([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2],
    [directory.length, 4], [offset, 4], [0, 2])]);
}

/** A candidate file. `set` is a list of [pixels, target]; labels are the largest entries, or with
    `soft` the targets as scores. */
async function candidateFile(set, { name, method, dataset, checksum: of, soft }) {
  const classes = set[0][1].length, n = set.length, scale = soft ? "score" : "class";
  const images = { type: "<f4", shape: [n, 1, FRAME, FRAME], content: raw(Float32Array.from(set.flatMap(([image]) => [...image]))) };
  const labels = soft
    ? { type: "<f4", shape: [n, classes], content: raw(Float32Array.from(set.flatMap(([, target]) => target))) }
    : { type: "<i8", shape: [n], content: raw(BigInt64Array.from(set.map(([, target]) => BigInt(largestOf(target))))) };
  const hashed = joined([images, labels].flatMap((array) => [text(array.type + shapeOf(array.shape)), array.content])
    .concat(text(`[${classes}, "${scale}", null]`)));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", hashed));
  const hash = Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const meta = JSON.stringify({
    format: "supertrainer-candidate/1", name, method, dataset, checksum: of, classes, label_scale: scale,
    draw: null, recipe: null, normalisation: null, seeds: [], command: "drawn in the page", versions: {}, hash,
  });
  const letters = Uint32Array.from(meta, (letter) => letter.codePointAt(0));
  const about = { type: `<U${letters.length}`, shape: [], content: raw(letters) };
  return zip({ "images.npy": npy(images), "labels.npy": npy(labels), "meta.npy": npy(about) });
}

const raw = (values) => new Uint8Array(values.buffer);
