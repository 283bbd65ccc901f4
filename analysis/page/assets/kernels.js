"use strict";
/* The two sums in which a network spends its time, over planes of values as block.js lays them out:
   `correlate` slides 3x3 weights over planes, `weigh` finds the gradients of the weights.

   They stand here twice: in plain loops for arrays of any type, and in WebAssembly that computes four
   float32 values at once (SIMD), written instruction by instruction: about ten times as fast. */

const LANES = 4; // values of one SIMD instruction
const GROUP = 4; // output channels that share what is read of the input
const PAGES = 256; // of 64 KiB, for the arrays of a network

/** Plain loops. Arrays are views whose first value is where the sum begins. */
const PLAIN = {
  /** y[o][p] += sum over i and t of w[o][i][t] * x[i][p + place of tap t]. */
  correlate(y, yPlane, x, xPlane, w, outs, ins, run, row) {
    for (let o = 0; o < outs; o++) {
      for (let i = 0; i < ins; i++) {
        const [w0, w1, w2, w3, w4, w5, w6, w7, w8] = w.subarray((o * ins + i) * 9);
        let a = i * xPlane, b = a + row, c = b + row;
        for (let p = o * yPlane; p < o * yPlane + run; p++, a++, b++, c++) {
          y[p] += w0 * x[a] + w1 * x[a + 1] + w2 * x[a + 2] + w3 * x[b] + w4 * x[b + 1]
            + w5 * x[b + 2] + w6 * x[c] + w7 * x[c + 1] + w8 * x[c + 2];
        }
      }
    }
  },

  /** d[o][i][t] += sum over p of g[o][p] * x[i][p + place of tap t]. */
  weigh(d, g, gPlane, x, xPlane, outs, ins, run, row) {
    for (let o = 0; o < outs; o++) {
      for (let i = 0; i < ins; i++) {
        for (let t = 0; t < 9; t++) {
          let sum = 0, at = i * xPlane + Math.floor(t / 3) * row + (t % 3);
          for (let p = o * gPlane; p < o * gPlane + run; p++, at++) sum += g[p] * x[at];
          d[(o * ins + i) * 9 + t] += sum;
        }
      }
    }
  },
};

// --- WebAssembly: instructions as bytes -----------------------------------------------------------

const range = (n) => Array.from({ length: n }, (_, i) => i);

/** A whole number, seven bits a byte, the lowest first. */
function leb(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

const get = (local) => [0x20, ...leb(local)];
const set = (local) => [0x21, ...leb(local)];
const int = (value) => [0x41, ...(value < 64 ? [value] : [(value & 127) | 128, value >> 7])];
const ADD_INT = [0x6a], SUBTRACT_INT = [0x6b];
const ADD_NUMBER = [0x92], LOAD_NUMBER = (offset) => [0x2a, 2, ...leb(offset)];
const STORE_NUMBER = (offset) => [0x38, 2, ...leb(offset)];
const simd = (code, ...rest) => [0xfd, ...leb(code), ...rest];
const load = (offset) => simd(0, 2, ...leb(offset)); // four values
const loadOne = (offset) => simd(9, 2, ...leb(offset)); // one value, four times
const STORE = simd(11, 2, 0), ZERO = simd(12, ...new Array(16).fill(0));
const lane = (n) => simd(31, n);
const ADD = simd(228), TIMES = simd(230);

const advance = (local, step) => [...get(local), ...step, ...ADD_INT, ...set(local)];
/** to = from + step. */
const beyond = (to, from, step) => [...get(from), ...step, ...ADD_INT, ...set(to)];
/** The body as often as `times` says, at least once. */
const repeat = (counter, times, body) => [...get(times), ...set(counter), 0x03, 0x40, ...body,
  ...get(counter), ...int(1), ...SUBTRACT_INT, 0x22, ...leb(counter), 0x0d, 0, 0x0b];
/** sum += a * b, each an instruction list. */
const multiply = (sum, a, b) => [...get(sum), ...a, ...b, ...TIMES, ...ADD, ...set(sum)];

/** `correlate` for GROUP outputs: addresses and distances in bytes, `run` in steps of LANES. */
function correlateCode() {
  const [y, yPlane, x, xPlane, w, wOut, ins, run, row, p, i, a, b, c] = range(14);
  const outs = range(GROUP), out = (o) => 14 + o, tap = (o) => 14 + GROUP + o;
  const sum = (o) => 14 + 2 * GROUP + o, seen = 14 + 3 * GROUP;
  const taps = range(9).flatMap((t) => [
    ...get([a, b, c][Math.floor(t / 3)]), ...load(4 * (t % 3)), ...set(seen),
    ...outs.flatMap((o) => multiply(sum(o), get(seen), [...get(tap(o)), ...loadOne(4 * t)])),
  ]);
  const inputs = repeat(i, ins, [
    ...beyond(b, a, get(row)), ...beyond(c, b, get(row)), ...taps,
    ...advance(a, get(xPlane)), ...outs.flatMap((o) => advance(tap(o), int(36))),
  ]);
  const next = (place, start, step) => [...get(start), ...set(place(0)),
    ...outs.slice(1).flatMap((o) => beyond(place(o), place(o - 1), get(step)))];
  const body = repeat(p, run, [
    ...next(out, y, yPlane), ...next(tap, w, wOut), ...get(x), ...set(a),
    ...outs.flatMap((o) => [...get(out(o)), ...load(0), ...set(sum(o))]),
    ...inputs,
    ...outs.flatMap((o) => [...get(out(o)), ...get(sum(o)), ...STORE]),
    ...advance(x, int(16)), ...advance(y, int(16)),
  ]);
  return { parameters: 9, ints: 5 + 2 * GROUP, vectors: GROUP + 1, body };
}

/** `weigh` for GROUP outputs, one input and the three taps of one row. */
function weighCode() {
  const [d, dOut, g, gPlane, x, run, p] = range(7);
  const outs = range(GROUP), from = (o) => 7 + o, sum = (o, t) => 7 + GROUP + 3 * o + t;
  const seen = (t) => 7 + 4 * GROUP + t, slope = seen(3);
  const follow = [...get(g), ...set(from(0)),
    ...outs.slice(1).flatMap((o) => beyond(from(o), from(o - 1), get(gPlane)))];
  const body = [
    ...follow,
    ...outs.flatMap((o) => range(3).flatMap((t) => [...ZERO, ...set(sum(o, t))])),
    ...repeat(p, run, [
      ...range(3).flatMap((t) => [...get(x), ...load(4 * t), ...set(seen(t))]),
      ...outs.flatMap((o) => [
        ...get(from(o)), ...load(0), ...set(slope),
        ...range(3).flatMap((t) => multiply(sum(o, t), get(slope), get(seen(t)))),
        ...advance(from(o), int(16)),
      ]),
      ...advance(x, int(16)),
    ]),
    ...outs.flatMap((o) => [
      ...range(3).flatMap((t) => [
        ...get(d), ...get(d), ...LOAD_NUMBER(4 * t),
        ...range(LANES).flatMap((n) => [...get(sum(o, t)), ...lane(n), ...ADD_NUMBER]),
        ...STORE_NUMBER(4 * t),
      ]),
      ...advance(d, get(dOut)),
    ]),
  ];
  return { parameters: 6, ints: 1 + GROUP, vectors: 3 * GROUP + 4, body };
}

/** A module of functions over whole numbers that imports its memory. */
function assembled(functions) {
  const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
  const text = (name) => [name.length, ...range(name.length).map((i) => name.charCodeAt(i))];
  const names = Object.keys(functions), all = Object.values(functions), count = all.length;
  const code = ({ ints, vectors, body }) => {
    const bytes = [2, ...leb(ints), 0x7f, ...leb(vectors), 0x7b, ...body, 0x0b];
    return [...leb(bytes.length), ...bytes];
  };
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // "\0asm", version 1
    ...section(1, [count, ...all.flatMap(({ parameters: n }) => [0x60, n, ...range(n).fill(0x7f), 0])]),
    ...section(2, [1, ...text("page"), ...text("memory"), 2, 0, 1]),
    ...section(3, [count, ...range(count)]),
    ...section(7, [count, ...names.flatMap((name, i) => [...text(name), 0, i])]),
    ...section(10, [count, ...all.flatMap(code)]),
  ]);
}

/** Arrays for a network, and the sums over them: in WebAssembly for float32 where the browser can. */
class Arena {
  constructor(Type) {
    this.Type = Type;
    this.sums = PLAIN;
    const module = assembled({ correlate: correlateCode(), weigh: weighCode() });
    if (Type !== Float32Array || !WebAssembly.validate(module)) return;
    this.memory = new WebAssembly.Memory({ initial: PAGES });
    this.used = 0;
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(module), { page: { memory: this.memory } },
    );
    this.sums = fast(exports);
  }

  /** A new array of zeros. */
  array(size) {
    if (!this.memory) return new this.Type(size);
    const start = this.used;
    this.used += 16 * Math.ceil(size / LANES);
    return new Float32Array(this.memory.buffer, start, size);
  }
}

/** The sums of `PLAIN` by the functions of the module; outputs come in groups, runs in LANES. */
function fast({ correlate, weigh }) {
  return {
    correlate(y, yPlane, x, xPlane, w, outs, ins, run, row) {
      for (let o = 0; o < outs; o += GROUP) {
        correlate(y.byteOffset + 4 * o * yPlane, 4 * yPlane, x.byteOffset, 4 * xPlane,
          w.byteOffset + 36 * o * ins, 36 * ins, ins, run / LANES, 4 * row);
      }
    },
    weigh(d, g, gPlane, x, xPlane, outs, ins, run, row) {
      for (let o = 0; o < outs; o += GROUP) {
        for (let i = 0; i < ins; i++) {
          for (let r = 0; r < 3; r++) {
            weigh(d.byteOffset + 36 * (o * ins + i) + 12 * r, 36 * ins,
              g.byteOffset + 4 * o * gPlane, 4 * gPlane,
              x.byteOffset + 4 * (i * xPlane + r * row), run / LANES);
          }
        }
      }
    },
  };
}
