"use strict";
/* Teach a network in a worker, then let it judge what the reader draws. */

if (byId("live")) {
  const { sets, classes, images } = data("teaching");
  const validation = { pixels: bytes(images.pixels), labels: images.labels };
  const engine = URL.createObjectURL(new Blob([byId("engine").textContent], { type: "text/javascript" }));
  const size = FRAME * FRAME;
  let worker = null, trained = false, trainings = 0, points = [];

  function bytes(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }

  /** The images of a set as values, with their targets. */
  function unpacked({ pixels, low, high, targets }) {
    const levels = bytes(pixels);
    return targets.map((target, i) => [
      Float32Array.from(levels.subarray(i * size, (i + 1) * size), (byte) => low + (byte / 255) * (high - low)),
      target,
    ]);
  }

  /** A pixel's colour as in the portraits: grey, blue below 0, orange above 1 (`plots.shade`). */
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

  // --- The set ---------------------------------------------------------------------------------

  const select = byId("set");
  sets.forEach(({ name, method }, i) => select.add(new Option(`${name} (${method})`, i)));
  const chosen = () => sets[select.value];
  function preview() {
    const all = unpacked(chosen()), canvas = byId("preview");
    const count = Math.min(20, all.length); // of a large set as many of each class
    const images = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]);
    canvas.width = Math.min(10, images.length) * 29 - 1;
    canvas.height = Math.ceil(images.length / 10) * 29 - 1;
    images.forEach(([values], i) => paint(canvas, values, (i % 10) * 29, Math.floor(i / 10) * 29));
    const more = all.length - images.length;
    const rest = more > 0 ? ` The picture leaves out ${more} of its images.` : "";
    byId("recipe").textContent = `By ${chosen().words}.${rest}`;
  }
  select.addEventListener("change", preview);
  preview();

  // --- Training --------------------------------------------------------------------------------

  byId("train").addEventListener("click", () => {
    worker?.terminate();
    worker = new Worker(engine);
    worker.onmessage = ({ data: said }) => heard[said.kind](said);
    worker.onerror = () => state("This browser cannot run the training here.", false);
    trained = false;
    points = [];
    byId("line").setAttribute("points", "");
    byId("accuracy").textContent = "–";
    byId("wrong").replaceChildren();
    byId("said").textContent = "Learning …";
    state("Training …", true);
    const { recipe } = chosen();
    worker.postMessage({ kind: "train", set: unpacked(chosen()), recipe, validation, seed: trainings++ });
  });

  function state(text, busy) {
    byId("state").textContent = text;
    byId("train").disabled = busy;
  }

  const heard = {
    step({ step, steps, accuracy }) {
      byId("progress").value = step / steps;
      if (accuracy === null) return;
      points.push(`${30 + (265 * step) / steps},${100 - 0.9 * accuracy}`);
      byId("line").setAttribute("points", points.join(" "));
    },
    scored({ right, done, of }) {
      byId("state").textContent = `Reading: ${done} of ${of} …`;
      byId("accuracy").ariaBusy = "true";
      byId("accuracy-note").textContent = `of the first ${done} bundled validation images`;
      byId("progress").value = done / of;
      if (done === of) byId("accuracy").textContent = `${((100 * right) / of).toFixed(1)} %`;
    },
    trained({ right, of, wrong }) {
      trained = true;
      byId("accuracy").ariaBusy = "false";
      byId("accuracy").dataset.percent = (100 * right) / of;
      byId("accuracy-note").textContent = `of ${of} validation images that it never saw`;
      state(`Trained on ${chosen().targets.length} images.`, false);
      byId("wrong").replaceChildren(...wrong.slice(0, 20).map(({ index }) => {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = FRAME;
        canvas.className = "pixels";
        paint(canvas, real(index));
        return canvas;
      }));
      byId("said").textContent = "Now draw.";
      read();
    },
    read({ seen, said, drawing }) {
      if (drawing !== drawings) return; // the ink has changed since
      paint(byId("seen"), seen);
      const first = largest(said);
      byId("said").textContent = `I see: ${classes[first]}.`;
      byId("said").dataset.label = first;
      bars(said);
    },
  };

  const largest = (values) => values.indexOf(Math.max(...values));
  const real = (index) => Float32Array.from(validation.pixels.subarray(index * size, (index + 1) * size), (b) => b / 255);

  function bars(said) {
    byId("bars").replaceChildren(...said.map((share, label) => {
      const line = document.createElement("li");
      line.className = label === largest(said) ? "first" : "";
      line.innerHTML = `<span></span><i><b style="width:${100 * share}%"></b></i><span>${Math.round(100 * share)} %</span>`;
      line.firstElementChild.textContent = classes[label];
      return line;
    }));
  }

  // --- Drawing ---------------------------------------------------------------------------------

  const canvas = byId("canvas"), pen = canvas.getContext("2d", { willReadFrequently: true });
  const cursor = { x: 140, y: 60, down: false };
  let last = null, waiting = 0, drawings = 0;
  /** The ink changes: what was read before no longer counts. */
  function change() {
    drawings++;
    clearTimeout(waiting);
    delete byId("said").dataset.label;
  }
  const wipe = () => { pen.fillStyle = "#000"; pen.fillRect(0, 0, canvas.width, canvas.height); };
  wipe();

  function line(from, to) {
    Object.assign(pen, { strokeStyle: "#fff", lineWidth: 22, lineCap: "round", lineJoin: "round" });
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x, to.y + 0.01);
    pen.stroke();
    change();
    waiting = setTimeout(read, 250);
  }

  function place({ clientX, clientY }) {
    const box = canvas.getBoundingClientRect();
    return { x: ((clientX - box.left) * canvas.width) / box.width, y: ((clientY - box.top) * canvas.height) / box.height };
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    line(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = place(event);
    line(last, next);
    last = next;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });

  const moves = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] };
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter") read();
    else if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) line(cursor, cursor);
      byId("said").textContent = cursor.down ? "The pen is down." : "The pen is up.";
    } else if (event.key in moves) {
      const [dx, dy] = moves[event.key];
      const inside = (value) => Math.min(265, Math.max(15, value));
      const next = { x: inside(cursor.x + dx), y: inside(cursor.y + dy) };
      if (cursor.down) line(cursor, next);
      Object.assign(cursor, next);
    } else return;
    event.preventDefault();
  });

  byId("clear").addEventListener("click", () => {
    wipe();
    change();
    Object.assign(cursor, { x: 140, y: 60, down: false });
    paint(byId("seen"), new Float32Array(size));
    byId("bars").replaceChildren();
    byId("said").textContent = trained ? "Draw." : "Train a network first.";
  });

  let borrowed = 0;
  byId("borrow").addEventListener("click", () => {
    const small = new OffscreenCanvas(FRAME, FRAME);
    paint(small, real(borrowed));
    borrowed = (borrowed + 37) % validation.labels.length;
    wipe();
    change();
    pen.drawImage(small, 0, 0, canvas.width, canvas.height);
    read();
  });

  /** The drawing as an image, shown small and read by the network. */
  function read() {
    const { width, height } = canvas, grey = pen.getImageData(0, 0, width, height).data;
    const pixels = asDigit(Float32Array.from({ length: width * height }, (_, i) => grey[4 * i] / 255), width, height);
    if (!pixels) return;
    paint(byId("seen"), pixels);
    if (trained) worker.postMessage({ kind: "read", pixels, drawing: drawings });
    else byId("said").textContent = "Train a network first.";
  }
}
