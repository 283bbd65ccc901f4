"use strict";
/* What is done to images of SIDE x SIDE pixels before the network sees them. */

/** The image at (x, y), between its pixels by linear interpolation; 0 outside. */
function lookup(pixels, x, y) {
  const at = (v, u) => (v >= 0 && v < SIDE && u >= 0 && u < SIDE ? pixels[v * SIDE + u] : 0);
  const left = Math.floor(x), top = Math.floor(y), fx = x - left, fy = y - top;
  return (1 - fy) * ((1 - fx) * at(top, left) + fx * at(top, left + 1))
    + fy * ((1 - fx) * at(top + 1, left) + fx * at(top + 1, left + 1));
}

/** The image whose pixel at (u, v) from the middle is what `place(u, v)`, [x, y], names in this one. */
function redrawn(pixels, place) {
  const middle = (SIDE - 1) / 2;
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [x, y] = place((i % SIDE) - middle, Math.floor(i / SIDE) - middle);
    return lookup(pixels, x + middle, y + middle);
  });
}

/** An image turned, scaled and moved a little at random. */
function distorted(pixels, random, { turn, scale, move }) {
  const between = (reach) => (2 * random() - 1) * reach;
  const angle = between(turn) * Math.PI / 180;
  const zoomX = 1 + between(scale), zoomY = 1 + between(scale);
  const cos = Math.cos(angle), sin = Math.sin(angle);
  const dx = between(move), dy = between(move);
  return redrawn(pixels, (u, v) => [
    (cos * (u - dx) + sin * (v - dy)) * zoomX,
    (cos * (v - dy) - sin * (u - dx)) * zoomY,
  ]);
}

/** An image sheared until its ink's rows and columns are uncorrelated, and centred: `deskew.py`. */
function upright(pixels) {
  const middle = (SIDE - 1) / 2, least = 1e-6;
  /** The sum over all ink of `value(x, y)`, from the middle of the image. */
  const over = (value) => pixels.reduce((sum, pixel, i) => sum
    + Math.max(0, pixel) * value((i % SIDE) - middle, Math.floor(i / SIDE) - middle), 0);
  const total = over(() => 1);
  if (total < least) return pixels;
  const column = over((x) => x) / total, row = over((x, y) => y) / total;
  const slant = over((x, y) => (x - column) * (y - row)) / Math.max(least, over((x, y) => (y - row) ** 2));
  return redrawn(pixels, (u, v) => [u + column + slant * v, v + row]);
}
