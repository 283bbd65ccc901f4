"use strict";
/* The race: networks that start out equal learn side by side, each from a set of its own. */

const YOURS = "yours";
const COLOURS = { [YOURS]: "essay", "drawn at random": "random", "found by search": "searched", "made by distillation": "distilled" };
const SAYINGS = { [YOURS]: "your own", "drawn at random": "random", "found by search": "chosen", "made by distillation": "synthetic" };

/** The state of the part that is tried, once its data is unpacked; play.js and downloads.js use it. */
const race = byId("live") && data("teaching").then((teaching) => {
  const { classes, images } = teaching;
  const validation = { pixels: bytes(images.pixels), labels: images.labels };
  const engine = URL.createObjectURL(new Blob([byId("engine").textContent], { type: "text/javascript" }));
  const learner = () => new Learner(engine, validation);
  const own = classes.map(() => null); // the reader's images, one of each class
  let seed = 0, drawings = 0, running = false;

  // --- Lanes -------------------------------------------------------------------------------------

  const lanes = [[YOURS, null], ...teaching.race].map(([kind, place], number) => {
    const set = place === null ? null : teaching.sets[place];
    const lane = { kind, set, learner: learner(), points: [], colour: COLOURS[kind] ?? "published" };
    lane.guess = made("input", { type: "radio", name: "guess", value: number, id: `guess-${number}` });
    lane.strip = made("canvas", { className: "pixels strip-of", role: "img", ariaLabel: `The images ${kind}` });
    lane.bar = made("b");
    lane.score = made("output", { className: "percent", textContent: "–" });
    lane.says = made("output", { className: "says" });
    lane.line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    lane.line.setAttribute("class", lane.colour);
    byId("curve").append(lane.line);
    byId("lanes").append(made("li", { className: lane.colour },
      made("label", { htmlFor: lane.guess.id }, lane.guess, ` ${kind[0].toUpperCase()}${kind.slice(1)}`),
      lane.says, lane.strip, made("i", { ariaHidden: "true" }, lane.bar), lane.score));
    return lane;
  });
  const setOf = (lane) => lane.drawn ?? (lane.set ? unpacked(lane.set) : drawnSet());
  const imagesOf = (lane) => (lane.set ? setOf(lane).map(([image]) => image) : own);
  const some = (all) => Array.from({ length: Math.min(10, all.length) }, (_, i) => all[Math.floor((i * all.length) / Math.min(10, all.length))]);
  const show = (lane) => strip(lane.strip, some(imagesOf(lane)));
  lanes.forEach(show);

  // --- Other random images -----------------------------------------------------------------------

  const hat = teaching.hat === null ? [] : unpacked(teaching.sets[teaching.hat]);
  const randomOnes = lanes.find(({ colour }) => colour === "random");
  const byClass = classes.map((_, label) => hat.filter(([, target]) => largestOf(target) === label));
  byId("redraw").hidden = !randomOnes || hat.length <= classes.length || byClass.some((alike) => !alike.length);
  byId("redraw").addEventListener("click", () => {
    if (running) return;
    randomOnes.drawn = byClass.map((alike) => alike[Math.floor(Math.random() * alike.length)]);
    show(randomOnes);
    draw(randomOnes, null);
    randomOnes.learner.trained = false; // it learned the images of before
    randomOnes.says.textContent = "";
    say("Other random ones are drawn. Guess, and race again.");
  });

  // --- Ten drawings ------------------------------------------------------------------------------

  const say = (text) => { byId("state").textContent = text; };
  const wanted = () => Math.max(0, own.findIndex((image) => !image));
  let current = 0;
  const slots = classes.map((name, label) => {
    const slot = made("button", { type: "button", ariaLabel: `Draw ${name}` });
    slot.addEventListener("click", () => { ask(label); byId("canvas").focus(); });
    byId("own").append(made("li", {}, slot, made("span", { ariaHidden: "true", textContent: name })));
    return slot;
  });

  function ask(label) {
    current = label;
    byId("wanted").textContent = classes[label];
    slots.forEach((slot, i) => slot.classList.toggle("now", i === label));
  }
  ask(0);

  function keep(image = pad.image()) {
    byId("heard").textContent = "";
    if (!image) { say(`Draw ${classes[current]} first.`); return; }
    own[current] = image;
    slots[current].replaceChildren(tileOf(image));
    show(lanes[0]);
    pad.clear();
    const left = own.filter((one) => !one).length;
    say(left ? `${left} more to draw.` : "All drawn. Guess, and start the race.");
    ask(left ? wanted() : (current + 1) % classes.length);
  }

  const pad = new Pad(byId("canvas"), { changed: read, kept: keep, say });
  byId("keep").addEventListener("click", () => keep());
  byId("clear").addEventListener("click", () => pad.clear());

  /** All trained networks read what is drawn, and it is said who disagrees. */
  async function read() {
    const image = pad.image(), drawing = ++drawings;
    const reading = lanes.filter(({ learner: one }) => one.trained);
    if (!image || !reading.length) return;
    const heard = await Promise.all(reading.map((lane) => lane.learner.read(image, drawing)));
    if (drawing !== drawings) return; // the ink has changed since
    const labels = heard.map(({ said }) => largestOf(said));
    reading.forEach(({ says }, i) => {
      says.textContent = `reads ${classes[labels[i]]} (${Math.round(100 * heard[i].said[labels[i]])}\u00a0%)`;
      says.dataset.label = labels[i];
    });
    const often = (label) => labels.filter((one) => one === label).length;
    const usual = labels.reduce((a, b) => (often(b) >= often(a) ? b : a));
    const odd = reading.flatMap(({ kind }, i) => (labels[i] === usual ? [] : [`“${kind}” reads ${classes[labels[i]]}`]));
    byId("heard").textContent = (odd.length ? `They disagree: ${odd.join(", ")}; the others read ${classes[usual]}.` : `All read ${classes[usual]}.`);
  }

  // --- The race ----------------------------------------------------------------------------------

  const zero = teaching.recipe.ridge ? -1 / classes.length : 0; // as scores are centred
  const drawnSet = () => own.map((image, label) => [image, classes.map((_, c) => Number(c === label) + zero)]);
  const ready = (lane) => lane.set || own.every(Boolean);

  byId("start").addEventListener("click", async () => {
    const guessed = lanes.find(({ guess }) => guess.checked);
    if (!guessed) { say("Guess first: which ten will teach best?"); lanes[0].guess.focus(); return; }
    if (running) return;
    running = true;
    byId("start").disabled = true;
    byId("answer").textContent = "";
    byId("result").hidden = true;
    say(ready(lanes[0]) ? "They learn …" : "They learn, without yours: it needs one drawing of each kind …");
    const racing = lanes.filter(ready);
    const chance = 100 - 90 / classes.length; // the height of guessing, before anything is learned
    for (const lane of lanes) { lane.points = [`30,${chance}`]; lane.says.textContent = ""; draw(lane, null); }
    try {
      await Promise.all(racing.map((lane) => lane.learner.teach(
        setOf(lane), lane.set?.recipe ?? teaching.recipe, seed,
        (found) => draw(lane, found),
      )));
      finish(racing, guessed);
    } catch ({ message }) { say(message); }
    running = false;
    seed++;
    byId("start").disabled = false;
    byId("start").textContent = "Race again, from another start";
  });

  /** One number everywhere: in the bar, beside it, and as a point of the curve. */
  function draw(lane, found) {
    lane.accuracy = found ? found.accuracy : null;
    lane.bar.style.width = `${found ? found.accuracy : 0}%`;
    lane.score.textContent = found ? percent(found.accuracy) : "–";
    lane.score.dataset.percent = found ? found.accuracy : "";
    if (found) lane.points.push(`${30 + (265 * found.step) / found.steps},${100 - 0.9 * found.accuracy}`);
    lane.line.setAttribute("points", lane.points.join(" "));
  }

  function finish(racing, guessed) {
    const share = ({ kind, accuracy }, noun) => `${SAYINGS[kind] ?? "these"} ${noun} ${percent(accuracy)}`;
    const [first, ...others] = racing;
    const rest = others.map((lane) => share(lane, "ones")).join(", ");
    const said = `${share(first, "images taught a network to read")} of the same ${validation.labels.length.toLocaleString("en")} images${rest && `; ${rest}`}.`;
    const best = racing.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
    const right = best === guessed ? "You guessed it." : `You guessed “${guessed.kind}”; best was “${best.kind}”.`;
    byId("answer").textContent = `${said[0].toUpperCase()}${said.slice(1)} ${right}`;
    byId("result").hidden = false;
    say("Now draw anything: every network that has learned reads it.");
    read();
  }

  return { teaching, lanes, own, pad, learner, drawnSet, validation };
});
