"use strict";
/* Runs beside the page: trains on the set that it is sent, then reads what it is sent.
   In:  { kind: "train", set, recipe, seed, digits: { pixels, labels } }, { kind: "read", pixels, drawing }
   Out: { kind: "step" | "scored" | "trained" | "read", ... } */

const GLIMPSE = 100; // digits that are read for each point of the curve while the net trains
const POINTS = 12;
const CHUNK = 20;
let net = null;

self.onmessage = ({ data }) => {
  if (data.kind === "train") learn(data);
  else self.postMessage({ kind: "read", said: net.read(data.pixels), drawing: data.drawing });
};

function learn({ set, recipe, seed, digits }) {
  const every = Math.ceil(recipe.rates.length / POINTS);
  for (const state of train(set, recipe, seed)) {
    net = state.net;
    const due = state.step % every === 0 || state.step === state.steps;
    const accuracy = due ? share(digits, 0, GLIMPSE) : null;
    self.postMessage({ kind: "step", step: state.step, steps: state.steps, loss: state.loss, accuracy });
  }
  let right = 0;
  const wrong = [];
  for (let done = 0; done < digits.labels.length;) {
    const end = Math.min(done + CHUNK, digits.labels.length);
    for (; done < end; done++) {
      const said = largest(net.read(digit(digits, done)));
      if (said === digits.labels[done]) right++;
      else wrong.push({ index: done, said });
    }
    self.postMessage({ kind: "scored", right, done, of: digits.labels.length });
  }
  self.postMessage({ kind: "trained", right, of: digits.labels.length, wrong });
}

/** Accuracy in percent on some of the digits. */
function share(digits, start, end) {
  const last = Math.min(end, digits.labels.length);
  let right = 0;
  for (let i = start; i < last; i++) right += largest(net.read(digit(digits, i))) === digits.labels[i];
  return (100 * right) / (last - start);
}

function digit({ pixels }, index) {
  const size = SIDE * SIDE;
  return Float32Array.from(pixels.subarray(index * size, (index + 1) * size), (byte) => byte / 255);
}
