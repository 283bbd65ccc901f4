"use strict";
/* A ConvNet for 28x28 images: blocks of block.js, then one linear layer. The same net as `convnet`
   of the toolkit's recipes. */

const SIDE = 28;
const SHARPNESS = 8; // from scores to probabilities for show

/** Uniform numbers in 0..1 from a seed (mulberry32). */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The whole net, of blocks with `widths` channels. `Type` is Float32Array; Float64Array for checks
    of the gradient. */
class ConvNet {
  constructor({ widths, classes, mean, std, seed, norm = true, loss = "cross-entropy",
    Type = Float32Array }) {
    const random = generator(seed), arena = new Arena(Type);
    Object.assign(this, { classes, mean, std, loss, steps: 0 });
    let inputs = 1, side = 32; // the first block pads 28 by 3
    this.blocks = widths.map((width) => {
      const block = new Block(inputs, width, side, norm, random, arena);
      inputs = width;
      side /= 2;
      return block;
    });
    this.size = inputs * side * side;
    this.weight = new Parameters(classes * this.size, arena).draw(random, this.size);
    this.bias = new Parameters(classes, arena).draw(random, this.size);
    this.features = new Type(this.size);
    this.featureGradient = new Type(this.size);
    const flat = { plane: side * side, row: side, first: 0 }; // how the last layer reads
    this.after = [...this.blocks.slice(1), flat];
  }

  parameters() {
    return [...this.blocks.flatMap((block) => block.parameters()), this.weight, this.bias];
  }

  /** What the last layer sees of one image of 28 x 28 pixels, 0 background and 1 ink. */
  embed(pixels) {
    const { input, row } = this.blocks[0];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        input[(y + 3) * row + x + 3] = (pixels[y * SIDE + x] - this.mean) / this.std;
      }
    }
    this.blocks.forEach((block, b) => {
      const next = this.after[b];
      block.forward(next.input ?? this.features, next);
    });
    return this.features;
  }

  /** Scores of one image, one for each class. */
  scores(pixels) {
    const features = this.embed(pixels), weights = this.weight.value;
    return Array.from(this.bias.value, (bias, c) => {
      let score = bias;
      for (let f = 0, at = c * this.size; f < this.size; f++, at++) score += weights[at] * features[f];
      return score;
    });
  }

  /** Class probabilities of one image; of scores learned by squares they are for show. */
  read(pixels) {
    const scores = this.scores(pixels);
    return softmax(this.loss === "mse" ? scores.map((score) => SHARPNESS * score) : scores);
  }

  /** Add the gradients of `share` times the loss of one image with its target; returns it. */
  learn(pixels, target, share) {
    const squares = this.loss === "mse";
    const said = squares ? this.scores(pixels) : this.read(pixels);
    this.featureGradient.fill(0);
    let loss = 0;
    for (let c = 0; c < this.classes; c++) {
      loss += share * (squares ? (said[c] - target[c]) ** 2 : -target[c] * Math.log(said[c] + 1e-30));
      const d = (squares ? 2 : 1) * share * (said[c] - target[c]);
      this.bias.gradient[c] += d;
      for (let f = 0, at = c * this.size; f < this.size; f++, at++) {
        this.weight.gradient[at] += d * this.features[f];
        this.featureGradient[f] += d * this.weight.value[at];
      }
    }
    for (let b = this.blocks.length - 1; b >= 0; b--) {
      const next = this.after[b];
      this.blocks[b].backward(next.inputGradient ?? this.featureGradient, next, b > 0);
    }
    return loss;
  }

  /** One step of SGD or Adam on a batch of [pixels, target]; returns its mean loss. */
  step(batch, { rate, momentum, decay = 0, optimiser = "sgd" }) {
    let loss = 0;
    for (const block of this.blocks) block.turn();
    for (const [pixels, target] of batch) loss += this.learn(pixels, target, 1 / batch.length);
    this.steps++;
    for (const parameter of this.parameters()) {
      if (optimiser === "adam") parameter.adam(rate, this.steps);
      else parameter.step(rate, momentum, decay);
    }
    return loss;
  }

  /** Another last layer: by ridge regression from the set's features to its targets, without bias;
      `strength` is in units of the mean of the kernel's diagonal. Returns it as { weight, bias }. */
  solved(set, strength) {
    const features = set.map(([pixels]) => Float64Array.from(this.embed(pixels)));
    const kernel = features.map((a) => features.map((b) => dot(a, b)));
    const ridge = (strength * kernel.reduce((sum, row, i) => sum + row[i], 0)) / set.length;
    kernel.forEach((row, i) => { row[i] += ridge; });
    const shares = solution(kernel, set.map(([, target]) => target));
    const weight = new this.features.constructor(this.classes * this.size);
    features.forEach((feature, i) => shares[i].forEach((share, c) => {
      for (let f = 0, at = c * this.size; f < this.size; f++, at++) weight[at] += share * feature[f];
    }));
    return { weight, bias: new this.features.constructor(this.classes) };
  }

  /** Put in a last layer, { weight, bias }; returns the one that was there. */
  exchange({ weight, bias }) {
    const before = { weight: this.weight.value, bias: this.bias.value };
    this.weight.value = weight;
    this.bias.value = bias;
    return before;
  }
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** X of A X = B, by elimination with pivots; rows of numbers. */
function solution(a, b) {
  const rows = a.map((row, i) => [...row, ...b[i]]), n = rows.length;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) best = i;
    [rows[k], rows[best]] = [rows[best], rows[k]];
    for (let i = 0; i < n; i++) {
      const factor = i === k ? 0 : rows[i][k] / rows[k][k];
      for (let j = k; factor && j < rows[i].length; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  return rows.map((row, k) => row.slice(n).map((value) => value / row[k]));
}

function softmax(scores) {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** The class with the largest probability. */
function largest(probabilities) {
  return probabilities.indexOf(Math.max(...probabilities));
}
