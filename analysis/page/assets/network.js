"use strict";
/* A ConvNet for 28x28 images, trained from scratch: blocks of 3x3 convolution, instance norm, ReLU
   and 2x2 mean, then one linear layer. The same net as `convnet` of the toolkit's recipes.

   Images are computed one by one. A plane of s x s values lies in rows of s + 2, so that a 3x3
   convolution is one run over memory; what is computed in the two columns between rows is set to 0
   before it is used. */

const SIDE = 28;
const EPSILON = 1e-5;
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

/** Parameters with their gradients and momenta, drawn uniformly within 1 / sqrt(fan in). */
class Parameters {
  constructor(size, Type) {
    this.value = new Type(size);
    this.gradient = new Type(size);
    this.velocity = new Type(size);
  }

  draw(random, fanIn) {
    const bound = 1 / Math.sqrt(fanIn);
    for (let i = 0; i < this.value.length; i++) this.value[i] = (2 * random() - 1) * bound;
    return this;
  }

  /** One step of Adam (Kingma and Ba 2015), the `count`-th; the gradient is cleared. */
  adam(rate, count) {
    const { value, gradient, velocity } = this;
    this.squares ??= new value.constructor(value.length);
    const first = 1 - 0.9 ** count, second = 1 - 0.999 ** count;
    for (let i = 0; i < value.length; i++) {
      velocity[i] = 0.9 * velocity[i] + 0.1 * gradient[i];
      this.squares[i] = 0.999 * this.squares[i] + 0.001 * gradient[i] ** 2;
      value[i] -= (rate * velocity[i]) / first / (Math.sqrt(this.squares[i] / second) + 1e-8);
      gradient[i] = 0;
    }
  }

  /** One step of SGD with heavy-ball momentum; the gradient is cleared. */
  step(rate, momentum, decay) {
    const { value, gradient, velocity } = this;
    for (let i = 0; i < value.length; i++) {
      velocity[i] = momentum * velocity[i] + gradient[i] + decay * value[i];
      value[i] -= rate * velocity[i];
      gradient[i] = 0;
    }
  }
}

/** One block, s x s in and s/2 x s/2 out; keeps what its backward pass needs of one image. */
class Block {
  constructor(inputs, outputs, side, norm, random, Type) {
    Object.assign(this, { inputs, outputs, side, norm, row: side + 2 });
    this.plane = this.row * this.row + 2;
    this.run = side * this.row - 2; // first to last value of an output plane
    this.weight = new Parameters(outputs * inputs * 9, Type).draw(random, inputs * 9);
    this.bias = new Parameters(outputs, Type).draw(random, inputs * 9);
    this.scale = new Parameters(outputs, Type);
    this.scale.value.fill(1);
    this.shift = new Parameters(outputs, Type);
    this.input = new Type(inputs * this.plane); // padded by 1
    this.inputGradient = new Type(inputs * this.plane);
    this.margin = 2 * this.row + 2;
    this.outPlane = this.margin + this.plane; // of zeros, before and after the values
    this.normal = new Type(outputs * this.outPlane); // after the norm, before scale and shift
    this.inverse = new Float64Array(outputs);
    this.outGradient = new Type(this.outPlane);
  }

  parameters() {
    const affine = this.norm ? [this.scale, this.shift] : [];
    return [this.weight, this.bias, ...affine];
  }

  /** Convolve and normalise; `emit(channel, y, x, value)` gets the means of 2x2. */
  forward(emit) {
    for (let o = 0; o < this.outputs; o++) {
      const start = o * this.outPlane + this.margin;
      this.convolve(o, start);
      if (this.norm) this.normalise(o, start);
      this.pool(o, start, emit);
    }
  }

  convolve(o, start) {
    const { input, normal: out, row, run } = this;
    const w = this.weight.value;
    out.fill(this.bias.value[o], start, start + run);
    for (let i = 0; i < this.inputs; i++) {
      const k = (o * this.inputs + i) * 9;
      const w0 = w[k], w1 = w[k + 1], w2 = w[k + 2], w3 = w[k + 3], w4 = w[k + 4];
      const w5 = w[k + 5], w6 = w[k + 6], w7 = w[k + 7], w8 = w[k + 8];
      let a = i * this.plane + 2, b = a + row, c = b + row;
      // The six values that the next place sees again stay in registers.
      let a0 = input[a - 2], a1 = input[a - 1], b0 = input[b - 2], b1 = input[b - 1];
      let c0 = input[c - 2], c1 = input[c - 1];
      for (let p = start; p < start + run; p++, a++, b++, c++) {
        const a2 = input[a], b2 = input[b], c2 = input[c];
        out[p] += w0 * a0 + w1 * a1 + w2 * a2 + w3 * b0 + w4 * b1 + w5 * b2
          + w6 * c0 + w7 * c1 + w8 * c2;
        a0 = a1; a1 = a2; b0 = b1; b1 = b2; c0 = c1; c1 = c2;
      }
    }
  }

  normalise(o, start) {
    const { normal: out, row, side } = this;
    let sum = 0, squares = 0;
    for (let y = 0; y < side; y++) {
      for (let p = start + y * row; p < start + y * row + side; p++) sum += out[p];
    }
    const mean = sum / (side * side);
    for (let y = 0; y < side; y++) {
      for (let p = start + y * row; p < start + y * row + side; p++) squares += (out[p] - mean) ** 2;
    }
    const inverse = 1 / Math.sqrt(squares / (side * side) + EPSILON);
    this.inverse[o] = inverse;
    for (let y = 0; y < side; y++) {
      for (let p = start + y * row; p < start + y * row + side; p++) out[p] = (out[p] - mean) * inverse;
    }
  }

  pool(o, start, emit) {
    const { normal, row, side } = this;
    const a = this.scale.value[o], b = this.shift.value[o];
    const relu = (p) => Math.max(0, a * normal[p] + b);
    for (let y = 0; y < side; y += 2) {
      for (let x = 0; x < side; x += 2) {
        const p = start + y * row + x;
        emit(o, y / 2, x / 2, (relu(p) + relu(p + 1) + relu(p + row) + relu(p + row + 1)) / 4);
      }
    }
  }

  /** Add this image's gradients; `ask(channel, y, x)` gives those of the block's output. */
  backward(ask, needInput) {
    if (needInput) this.inputGradient.fill(0);
    for (let o = 0; o < this.outputs; o++) {
      this.unpool(o, ask);
      this.convolveBack(o, needInput);
    }
  }

  /** From the output's gradients to those of the convolution, through mean, ReLU and norm. */
  unpool(o, ask) {
    const { normal, row, side, outGradient: g, margin } = this;
    const start = o * this.outPlane + margin;
    const a = this.scale.value[o], b = this.shift.value[o];
    let sum = 0, dot = 0;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const at = y * row + x, value = normal[start + at];
        const d = a * value + b > 0 ? ask(o, y >> 1, x >> 1) / 4 : 0;
        g[margin + at] = d;
        sum += d;
        dot += d * value;
      }
    }
    const n = side * side, factor = a * this.inverse[o];
    this.scale.gradient[o] += dot;
    this.shift.gradient[o] += sum;
    for (let y = 0; y < side; y++) {
      for (let at = y * row; this.norm && at < y * row + side; at++) {
        const value = normal[start + at];
        g[margin + at] = factor * (g[margin + at] - sum / n - value * dot / n);
      }
      g[margin + y * row + side] = g[margin + y * row + side + 1] = 0;
    }
  }

  convolveBack(o, needInput) {
    const { input, row, run, margin, outGradient: g, inputGradient: back } = this;
    const w = this.weight.value, dw = this.weight.gradient;
    let bias = 0;
    for (let p = margin; p < margin + run; p++) bias += g[p];
    this.bias.gradient[o] += bias;
    for (let i = 0; i < this.inputs; i++) {
      const k = (o * this.inputs + i) * 9, from = i * this.plane;
      let d0 = 0, d1 = 0, d2 = 0, d3 = 0, d4 = 0, d5 = 0, d6 = 0, d7 = 0, d8 = 0;
      let a = from, b = a + row, c = b + row;
      for (let p = margin; p < margin + run; p++, a++, b++, c++) {
        const d = g[p];
        d0 += d * input[a]; d1 += d * input[a + 1]; d2 += d * input[a + 2];
        d3 += d * input[b]; d4 += d * input[b + 1]; d5 += d * input[b + 2];
        d6 += d * input[c]; d7 += d * input[c + 1]; d8 += d * input[c + 2];
      }
      dw[k] += d0; dw[k + 1] += d1; dw[k + 2] += d2; dw[k + 3] += d3; dw[k + 4] += d4;
      dw[k + 5] += d5; dw[k + 6] += d6; dw[k + 7] += d7; dw[k + 8] += d8;
      if (!needInput) continue;
      const w0 = w[k], w1 = w[k + 1], w2 = w[k + 2], w3 = w[k + 3], w4 = w[k + 4];
      const w5 = w[k + 5], w6 = w[k + 6], w7 = w[k + 7], w8 = w[k + 8];
      let q = margin, r = q - row, s = r - row;
      for (let p = from; p < from + row * row; p++, q++, r++, s++) {
        back[p] += w0 * g[q] + w1 * g[q - 1] + w2 * g[q - 2]
          + w3 * g[r] + w4 * g[r - 1] + w5 * g[r - 2]
          + w6 * g[s] + w7 * g[s - 1] + w8 * g[s - 2];
      }
    }
  }
}

/** The whole net. `Type` is Float32Array; Float64Array for checks of the gradient. */
class ConvNet {
  constructor({ width, depth, classes, mean, std, seed, norm = true, loss = "cross-entropy",
    Type = Float32Array }) {
    const random = generator(seed);
    Object.assign(this, { classes, mean, std, loss, steps: 0 });
    this.blocks = [];
    let inputs = 1, side = 32; // the first block pads 28 by 3
    for (let b = 0; b < depth; b++, side /= 2) {
      this.blocks.push(new Block(inputs, width, side, norm, random, Type));
      inputs = width;
    }
    this.last = side;
    this.size = width * side * side;
    this.weight = new Parameters(classes * this.size, Type).draw(random, this.size);
    this.bias = new Parameters(classes, Type).draw(random, this.size);
    this.features = new Type(this.size);
    this.featureGradient = new Type(this.size);
  }

  parameters() {
    return [...this.blocks.flatMap((block) => block.parameters()), this.weight, this.bias];
  }

  /** What the last layer sees of one image of 28 x 28 pixels, 0 background and 1 ink. */
  embed(pixels) {
    const first = this.blocks[0];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        first.input[(y + 3) * first.row + x + 3] = (pixels[y * SIDE + x] - this.mean) / this.std;
      }
    }
    this.blocks.forEach((block, b) => {
      const next = this.blocks[b + 1], { last, features } = this;
      block.forward(next
        ? (o, y, x, v) => { next.input[o * next.plane + (y + 1) * next.row + x + 1] = v; }
        : (o, y, x, v) => { features[(o * last + y) * last + x] = v; });
    });
    return this.features;
  }

  /** Scores of one image, one for each class. */
  scores(pixels) {
    const features = this.embed(pixels), scores = new Array(this.classes);
    for (let c = 0; c < this.classes; c++) {
      let score = this.bias.value[c];
      for (let f = 0; f < this.size; f++) score += this.weight.value[c * this.size + f] * features[f];
      scores[c] = score;
    }
    return scores;
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
    const { last, featureGradient } = this;
    let ask = (o, y, x) => featureGradient[(o * last + y) * last + x];
    for (let b = this.blocks.length - 1; b >= 0; b--) {
      const block = this.blocks[b];
      block.backward(ask, b > 0);
      ask = (o, y, x) => block.inputGradient[o * block.plane + (y + 1) * block.row + x + 1];
    }
    return loss;
  }

  /** One step of SGD or Adam on a batch of [pixels, target]; returns its mean loss. */
  step(batch, { rate, momentum, decay = 0, optimiser = "sgd" }) {
    let loss = 0;
    for (const [pixels, target] of batch) loss += this.learn(pixels, target, 1 / batch.length);
    this.steps++;
    for (const parameter of this.parameters()) {
      if (optimiser === "adam") parameter.adam(rate, this.steps);
      else parameter.step(rate, momentum, decay);
    }
    return loss;
  }

  /** Set the last layer by ridge regression from the set's features to its targets, without bias;
      `strength` is in units of the mean of the kernel's diagonal. */
  solve(set, strength) {
    const features = set.map(([pixels]) => Float64Array.from(this.embed(pixels)));
    const kernel = features.map((a) => features.map((b) => a.reduce((sum, v, i) => sum + v * b[i], 0)));
    const ridge = (strength * kernel.reduce((sum, row, i) => sum + row[i], 0)) / set.length;
    kernel.forEach((row, i) => { row[i] += ridge; });
    const shares = solved(kernel, set.map(([, target]) => target));
    this.bias.value.fill(0);
    this.weight.value.forEach((_, at, weights) => {
      const c = Math.floor(at / this.size), f = at % this.size;
      weights[at] = features.reduce((sum, feature, i) => sum + feature[f] * shares[i][c], 0);
    });
  }
}

/** X of A X = B, by elimination with pivots; rows of numbers. */
function solved(a, b) {
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

/** Train step by step, yielding { net, step, steps, loss } after each.

    `set` is a list of [pixels, target]; `recipe` has width, depth, mean, std, momentum, decay,
    rates (one per step), batch, and distortion or null (images.js); norm, loss, optimiser and ridge where they
    are not instance norm, cross-entropy, SGD and none. Large sets are met in random batches. */
function* train(set, recipe, seed) {
  const random = generator(seed ^ 0x9e3779b9);
  const net = new ConvNet({ ...recipe, classes: set[0][1].length, seed });
  let order = [];
  for (let step = 0; step < recipe.rates.length; step++) {
    const batch = [];
    while (batch.length < Math.min(recipe.batch, set.length)) {
      if (!order.length) order = shuffled(set.length, random);
      const [pixels, target] = set[order.pop()];
      batch.push([recipe.distortion ? distorted(pixels, random, recipe.distortion) : pixels, target]);
    }
    const loss = net.step(batch, { ...recipe, rate: recipe.rates[step] });
    if (recipe.ridge && step === recipe.rates.length - 1) net.solve(set, recipe.ridge);
    yield { net, step: step + 1, steps: recipe.rates.length, loss };
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

/** The class with the largest probability. */
function largest(probabilities) {
  return probabilities.indexOf(Math.max(...probabilities));
}
