"use strict";
/* Runs beside the page: trains on the set that it is sent, then reads what it is sent.
   In:  { kind: "train", set, recipe, seed, validation: { pixels, labels } }, { kind: "read", pixels, drawing }
   Out: { kind: "checked", step, steps, right, of, wrong }, { kind: "read", seen, said, drawing }
   Every accuracy is of all validation images. In the frame `deskew` the net reads images that are set
   upright first; `upright` says that those of the set, which lie as they were drawn, are to be, too. */

const POINTS = 3; // of the curve: reading takes longer than learning
let net = null;
let prepared = (pixels) => pixels;

self.onmessage = ({ data }) => {
  if (data.kind === "train") learn(data);
  else {
    const seen = prepared(data.pixels);
    self.postMessage({ kind: "read", seen, said: net.read(seen), drawing: data.drawing });
  }
};

function learn({ set, recipe, seed, validation: { pixels, labels } }) {
  if (recipe.frame === "deskew") prepared = upright;
  const learned = recipe.upright ? set.map(([image, target]) => [upright(image), target]) : set;
  const size = SIDE * SIDE;
  const images = labels.map((_, i) => prepared(
    Float32Array.from(pixels.subarray(i * size, (i + 1) * size), (byte) => byte / 255),
  ));
  const every = Math.ceil(recipe.rates.length / POINTS);
  const checks = recipe.rates.map((_, i) => i + 1).filter((n, i, { length }) => n % every === 0 || n === length);
  for (const state of train(learned, recipe, seed, checks)) {
    net = state.net;
    const said = images.map((image) => largest(net.scores(image)));
    const wrong = said.flatMap((label, index) => (label === labels[index] ? [] : [{ index, said: label }]));
    const { step, steps } = state, of = labels.length;
    self.postMessage({ kind: "checked", step, steps, right: of - wrong.length, of, wrong });
  }
}
