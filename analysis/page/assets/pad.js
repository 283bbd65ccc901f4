"use strict";
/* The place to draw on: with mouse, pen or finger, or with the keyboard. */

const INK = 22; // width of the pen, of 280
const START = { x: 140, y: 60 };

class Pad {
  /** `changed` is called a moment after the ink has changed; `kept` when Enter is pressed. */
  constructor(canvas, { changed, kept, say }) {
    Object.assign(this, { canvas, changed, kept, say, last: null, cursor: { ...START, down: false } });
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.clear();
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.last = this.place(event);
      this.line(this.last, this.last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.last) return;
      const next = this.place(event);
      this.line(this.last, next);
      this.last = next;
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { this.last = null; });
    canvas.addEventListener("keydown", (event) => { if (this.key(event.key)) event.preventDefault(); });
  }

  clear() {
    clearTimeout(this.waiting);
    this.pen.fillStyle = "#000";
    this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    Object.assign(this.cursor, START, { down: false });
  }

  line(from, to) {
    Object.assign(this.pen, { strokeStyle: "#fff", lineWidth: INK, lineCap: "round", lineJoin: "round" });
    this.pen.beginPath();
    this.pen.moveTo(from.x, from.y);
    this.pen.lineTo(to.x, to.y + 0.01);
    this.pen.stroke();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.changed(), 250);
  }

  place({ clientX, clientY }) {
    const { canvas } = this, box = canvas.getBoundingClientRect();
    return {
      x: ((clientX - box.left) * canvas.width) / box.width,
      y: ((clientY - box.top) * canvas.height) / box.height,
    };
  }

  /** Whether the key means something here. */
  key(name) {
    const { cursor } = this, moves = {
      ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10],
    };
    if (name === "Enter") this.kept();
    else if (name === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) this.line(cursor, cursor);
      this.say(cursor.down ? "The pen is down." : "The pen is up.");
    } else if (name in moves) {
      const inside = (value) => Math.min(265, Math.max(15, value));
      const next = { x: inside(cursor.x + moves[name][0]), y: inside(cursor.y + moves[name][1]) };
      if (cursor.down) this.line(cursor, next);
      Object.assign(cursor, next);
    } else return false;
    return true;
  }

  /** The drawing as an image like MNIST's; null where there is no ink. */
  image() {
    const { width, height } = this.canvas, grey = this.pen.getImageData(0, 0, width, height).data;
    const ink = Float32Array.from({ length: width * height }, (_, i) => grey[4 * i] / 255);
    return asDigit(ink, width, height);
  }
}
