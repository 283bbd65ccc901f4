"use strict";
/* Training, step by step. */

/** Train, yielding { net, step, steps } at each step that `checks` names.

    `set` is a list of [pixels, target]; `recipe` has widths, mean, std, momentum, decay, rates (one
    per step), batch, and distortion or null (images.js); norm, loss and optimiser where they are not
    instance norm, cross-entropy and SGD. Large sets are met in random batches.

    With `ridge` the net that is yielded reads by a last layer that ridge regression has solved for
    the set. Training goes on with the layer that it trains. */
function* train(set, recipe, seed, checks) {
  const { ridge, rates } = recipe, steps = rates.length;
  const net = new ConvNet({ ...recipe, classes: set[0][1].length, seed });
  const batches = batchesOf(set, recipe, generator(seed ^ 0x9e3779b9));
  for (let step = 1; step <= steps; step++) {
    net.step(batches.next().value, { ...recipe, rate: rates[step - 1] });
    if (!checks.includes(step)) continue;
    const trained = ridge ? net.exchange(net.solved(set, ridge)) : null;
    yield { net, step, steps };
    if (trained && step < steps) net.exchange(trained);
  }
}

/** Batches without end: each image once before any comes again. */
function* batchesOf(set, { batch, distortion }, random) {
  for (let order = []; ;) {
    const images = [];
    while (images.length < Math.min(batch, set.length)) {
      if (!order.length) order = shuffled(set.length, random);
      const [pixels, target] = set[order.pop()];
      images.push([distortion ? distorted(pixels, random, distortion) : pixels, target]);
    }
    yield images;
  }
}

function shuffled(n, random) {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
