"use strict";
/* From a drawing to an image as MNIST has them: its ink fitted into 20 x 20 pixels, then placed in
   28 x 28 so that its centre of mass is the centre (LeCun et al. 1998). */

const FIT = 20;
const FRAME = 28;
const FAINT = 0.1;
const SUBSAMPLES = 4;

/** 28 x 28 values in 0..1 from width x height values of ink in 0..1; null where there is none. */
function asDigit(ink, width, height) {
  const box = bounds(ink, width, height);
  if (!box) return null;
  const scale = Math.max(box.right - box.left, box.bottom - box.top) / FIT; // drawn per digit pixel
  const [u, v] = massCentre(ink, width, box);
  const values = new Float32Array(FRAME * FRAME);
  for (let y = 0; y < FRAME; y++) {
    for (let x = 0; x < FRAME; x++) {
      values[y * FRAME + x] = areaMean(ink, width, height,
        u + (x - FRAME / 2) * scale, v + (y - FRAME / 2) * scale, scale);
    }
  }
  return values;
}

/** The mean of the ink in a square with its top left corner at (left, top). */
function areaMean(ink, width, height, left, top, size) {
  let sum = 0;
  for (let i = 0; i < SUBSAMPLES; i++) {
    for (let j = 0; j < SUBSAMPLES; j++) {
      const x = Math.floor(left + ((i + 0.5) / SUBSAMPLES) * size);
      const y = Math.floor(top + ((j + 0.5) / SUBSAMPLES) * size);
      if (x >= 0 && x < width && y >= 0 && y < height) sum += ink[y * width + x];
    }
  }
  return sum / SUBSAMPLES ** 2;
}

function bounds(ink, width, height) {
  let left = width, top = height, right = -1, bottom = -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] < FAINT) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  }
  return right < 0 ? null : { left, top, right, bottom };
}

function massCentre(ink, width, { left, top, right, bottom }) {
  let sum = 0, u = 0, v = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const mass = ink[y * width + x];
      sum += mass;
      u += mass * (x + 0.5);
      v += mass * (y + 0.5);
    }
  }
  return [u / sum, v / sum];
}
