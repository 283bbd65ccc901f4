"use strict";
/* One block of the network: 3x3 convolution, instance norm where the recipe has one, ReLU, and the
   mean of 2x2.

   Images are computed one by one. A plane of s x s values lies in rows of s + 2, so that a 3x3
   convolution is one run over memory; what is computed in the two columns between rows is set to 0
   before it is used. */

const EPSILON = 1e-5;

/** Parameters with their gradients and momenta, drawn uniformly within 1 / sqrt(fan in). */
class Parameters {
  constructor(size, arena) {
    this.value = arena.array(size);
    this.gradient = arena.array(size);
    this.velocity = new arena.Type(size);
  }

  draw(random, fanIn) {
    const bound = 1 / Math.sqrt(fanIn);
    for (let i = 0; i < this.value.length; i++) this.value[i] = (2 * random() - 1) * bound;
    return this;
  }

  /** One step of Adam (Kingma and Ba 2015), the `count`-th; the gradient is cleared. */
  adam(rate, count) {
    const { value, gradient, velocity } = this;
    const squares = this.squares ??= new value.constructor(value.length);
    const first = 1 - 0.9 ** count, second = 1 - 0.999 ** count;
    for (let i = 0; i < value.length; i++) {
      velocity[i] = 0.9 * velocity[i] + 0.1 * gradient[i];
      squares[i] = 0.999 * squares[i] + 0.001 * gradient[i] ** 2;
      value[i] -= (rate * velocity[i]) / first / (Math.sqrt(squares[i] / second) + 1e-8);
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

/** One block, s x s in and s/2 x s/2 out; keeps what its backward pass needs of one image.

    Its output, and the output's gradient, lie where `next` says: a plane of `plane` values for each
    channel, in rows of `row`, the first of them at `first`. */
class Block {
  constructor(inputs, outputs, side, norm, random, arena) {
    Object.assign(this, { inputs, outputs, side, norm, row: side + 2, sums: arena.sums });
    const { row } = this;
    this.plane = row * row + 2;
    this.first = row + 1; // of the values within the padding
    this.run = side * row;
    this.weight = new Parameters(outputs * inputs * 9, arena).draw(random, inputs * 9);
    this.bias = new Parameters(outputs, arena).draw(random, inputs * 9);
    this.scale = new Parameters(outputs, arena);
    this.scale.value.fill(1);
    this.shift = new Parameters(outputs, arena);
    this.turned = arena.array(this.weight.value.length); // weights from outputs to inputs
    this.input = arena.array(inputs * this.plane); // padded by 1
    this.inputGradient = arena.array(inputs * this.plane);
    this.normal = arena.array(outputs * this.plane); // after the norm, before scale and shift
    this.inverse = new Float64Array(outputs);
    this.margin = 2 * row + 2; // zeros before the gradients of a plane
    this.slopePlane = this.margin + this.plane;
    this.slopes = arena.array(outputs * this.slopePlane);
    this.slopesFromMargin = this.slopes.subarray(this.margin);
  }

  parameters() {
    const affine = this.norm ? [this.scale, this.shift] : [];
    return [this.weight, this.bias, ...affine];
  }

  /** Convolve and normalise, and write the means of 2x2 into `values` as `next` lays them out. */
  forward(values, next) {
    const { inputs, outputs, plane, run, row, normal, bias } = this;
    for (let o = 0; o < outputs; o++) normal.fill(bias.value[o], o * plane, o * plane + run);
    this.sums.correlate(normal, plane, this.input, plane, this.weight.value, outputs, inputs, run, row);
    for (let o = 0; o < outputs; o++) {
      if (this.norm) this.normalise(o);
      this.pool(o, values, next);
    }
  }

  normalise(o) {
    const { normal: out, row, side } = this, start = o * this.plane;
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

  pool(o, values, next) {
    const { normal, row, side } = this;
    const a = this.scale.value[o], b = this.shift.value[o];
    for (let y = 0; y < side; y += 2) {
      let p = o * this.plane + y * row, at = o * next.plane + next.first + (y / 2) * next.row;
      for (const end = p + side; p < end; p += 2, at++) {
        values[at] = (Math.max(0, a * normal[p] + b) + Math.max(0, a * normal[p + 1] + b)
          + Math.max(0, a * normal[p + row] + b) + Math.max(0, a * normal[p + row + 1] + b)) / 4;
      }
    }
  }

  /** Add this image's gradients, from those of the output; those of the input where it is asked. */
  backward(gradients, next, needInput) {
    const { inputs, outputs, plane, slopePlane, run, row } = this;
    for (let o = 0; o < outputs; o++) this.unpool(o, gradients, next);
    this.sums.weigh(this.weight.gradient, this.slopesFromMargin, slopePlane, this.input, plane,
      outputs, inputs, run, row);
    if (!needInput) return;
    this.inputGradient.fill(0);
    this.sums.correlate(this.inputGradient.subarray(row), plane, this.slopes.subarray(row), slopePlane,
      this.turned, inputs, outputs, run, row);
  }

  /** From the output's gradients to those of the convolution, through mean, ReLU and norm. */
  unpool(o, gradients, next) {
    const { normal, row, side, slopes: g } = this;
    const start = o * this.plane, to = o * this.slopePlane + this.margin;
    const a = this.scale.value[o], b = this.shift.value[o];
    let sum = 0, dot = 0;
    for (let y = 0; y < side; y++) {
      const from = o * next.plane + next.first + (y >> 1) * next.row;
      for (let x = 0; x < side; x++) {
        const at = y * row + x, value = normal[start + at];
        const d = a * value + b > 0 ? gradients[from + (x >> 1)] / 4 : 0;
        g[to + at] = d;
        sum += d;
        dot += d * value;
      }
    }
    this.scale.gradient[o] += dot;
    this.shift.gradient[o] += sum;
    if (this.norm) this.unnormalise(o, sum, dot);
    else this.bias.gradient[o] += sum;
  }

  /** Through the norm; a bias before a norm has no gradient. */
  unnormalise(o, sum, dot) {
    const { normal, row, side, slopes: g } = this;
    const start = o * this.plane, to = o * this.slopePlane + this.margin;
    const n = side * side, factor = this.scale.value[o] * this.inverse[o];
    for (let y = 0; y < side; y++) {
      for (let at = y * row; at < y * row + side; at++) {
        g[to + at] = factor * (g[to + at] - sum / n - (normal[start + at] * dot) / n);
      }
    }
  }

  /** Turn the weights around for the way back; after each change of the weights. */
  turn() {
    const { inputs, outputs, turned } = this, w = this.weight.value;
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        for (let t = 0; t < 9; t++) turned[(i * outputs + o) * 9 + 8 - t] = w[(o * inputs + i) * 9 + t];
      }
    }
  }
}
