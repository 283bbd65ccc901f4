"use strict";
/* Runs beside the page: trains on the set that it is sent, then reads what it is sent.
   In:  { kind: "train", set, recipe, seed, validation: { pixels, labels } }, { kind: "read", pixels, drawing }
   Out: { kind: "step" | "scored" | "trained" | "read", ... }
   A network that learned a set in the frame `deskew` reads images that are set upright. */

const GLIMPSE = 100; // images that are read for each point of the curve while the net trains
const POINTS = 12;
const CHUNK = 20;
let net = null;
let prepared = (pixels) => pixels;

self.onmessage = ({ data }) => {
  if (data.kind === "train") learn(data);
  else {
    const seen = prepared(data.pixels);
    self.postMessage({ kind: "read", seen, said: net.read(seen), drawing: data.drawing });
  }
};

function learn({ set, recipe, seed, validation }) {
  if (recipe.frame === "deskew") prepared = upright;
  const every = Math.ceil(recipe.rates.length / POINTS);
  for (const state of train(set, recipe, seed)) {
    net = state.net;
    const due = state.step % every === 0 || state.step === state.steps;
    const accuracy = due ? share(validation, 0, GLIMPSE) : null;
    self.postMessage({ kind: "step", step: state.step, steps: state.steps, loss: state.loss, accuracy });
  }
  let right = 0;
  const wrong = [];
  for (let done = 0; done < validation.labels.length;) {
    const end = Math.min(done + CHUNK, validation.labels.length);
    for (; done < end; done++) {
      const said = largest(net.read(image(validation, done)));
      if (said === validation.labels[done]) right++;
      else wrong.push({ index: done, said });
    }
    self.postMessage({ kind: "scored", right, done, of: validation.labels.length });
  }
  self.postMessage({ kind: "trained", right, of: validation.labels.length, wrong });
}

/** Accuracy in percent on some of the images. */
function share(validation, start, end) {
  const last = Math.min(end, validation.labels.length);
  let right = 0;
  for (let i = start; i < last; i++) right += largest(net.read(image(validation, i))) === validation.labels[i];
  return (100 * right) / (last - start);
}

/** An image as the network is to see it. */
function image({ pixels }, index) {
  const size = SIDE * SIDE;
  return prepared(Float32Array.from(pixels.subarray(index * size, (index + 1) * size), (byte) => byte / 255));
}
