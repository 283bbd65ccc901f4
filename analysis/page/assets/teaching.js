"use strict";
/* Networks that learn in workers beside the page, and pictures of what they learn from. */

const SIZE = FRAME * FRAME;
const GAP = 1; // between the images of a strip, in pixels

/** A pixel's colour as in all pictures: grey, blue below 0, orange above 1 (`pictures.shade`). */
function shade(value) {
  const share = (x) => Math.min(1, Math.max(0, x));
  const below = share(-value), above = share(value - 1), grey = share(value);
  const [BELOW, ABOVE] = [[0.24, 0.55, 1], [1, 0.45, 0.05]];
  return BELOW.map((blue, c) => 255 * ((grey * (1 - below) + below * blue) * (1 - above) + above * ABOVE[c]));
}

function paint(canvas, values, left = 0, top = 0) {
  const image = new ImageData(FRAME, FRAME);
  values.forEach((value, i) => image.data.set([...shade(value), 255], 4 * i));
  canvas.getContext("2d").putImageData(image, left, top);
}

/** A small canvas with one image. */
function tileOf(values) {
  const canvas = made("canvas", { width: FRAME, height: FRAME, className: "pixels" });
  paint(canvas, values);
  return canvas;
}

/** Paint images side by side; an image that is null is left empty. */
function strip(canvas, images, columns = 10) {
  canvas.width = Math.min(columns, images.length) * (FRAME + GAP) - GAP;
  canvas.height = Math.ceil(images.length / columns) * (FRAME + GAP) - GAP;
  images.forEach((values, i) => values && paint(canvas, values,
    (i % columns) * (FRAME + GAP), Math.floor(i / columns) * (FRAME + GAP)));
}

/** The images of a set as values, with their targets. */
function unpacked({ pixels, low, high, targets }) {
  const levels = bytes(pixels);
  return targets.map((target, i) => [
    Float32Array.from(levels.subarray(i * SIZE, (i + 1) * SIZE), (byte) => low + (byte / 255) * (high - low)),
    target,
  ]);
}

const largestOf = (values) => values.indexOf(Math.max(...values));
const percent = (share) => `${share.toFixed(1)}\u00a0%`; // not to be broken

/** One network in a worker. */
class Learner {
  constructor(engine, validation) {
    Object.assign(this, { engine, validation, trained: false, heard: {} });
  }

  /** Teach it a set anew; `checked` hears of every reading of the validation images. */
  teach(set, recipe, seed, checked) {
    this.worker?.terminate();
    this.trained = false;
    this.worker = new Worker(this.engine);
    return new Promise((resolve, reject) => {
      this.worker.onerror = () => reject(new Error("This browser cannot run the training."));
      this.worker.onmessage = ({ data: said }) => {
        if (said.kind === "read") return this.heard[said.drawing]?.(said);
        const found = { ...said, accuracy: (100 * said.right) / said.of, done: said.step === said.steps };
        this.trained = found.done;
        checked(found);
        if (found.done) resolve(found);
      };
      this.worker.postMessage({ kind: "train", set, recipe, seed, validation: this.validation });
    });
  }

  /** What it says to an image: { seen, said }. */
  read(pixels, drawing) {
    return new Promise((resolve) => {
      this.heard = { [drawing]: resolve };
      this.worker.postMessage({ kind: "read", pixels, drawing });
    });
  }
}
