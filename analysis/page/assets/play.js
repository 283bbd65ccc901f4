"use strict";
/* Play: change one thing about a set, and see what the change costs. */

/** What can be changed at a switch: of images and their labels, or of the recipe. */
const CHANGES = {
  cut: ([image, target]) => [image.map((value) => Math.min(1, Math.max(0, value))), target],
  rounded: ([image, target]) => {
    const first = largestOf(target), low = Math.min(0, ...target) && -1 / target.length;
    return [image, target.map((_, c) => Number(c === first) + low)];
  },
};
const RECIPES = {
  skewed: (recipe) => ({ ...recipe, frame: "plain", upright: false }),
  moved: (recipe) => ({ ...recipe, distortion: { turn: 15, scale: 0.15, move: 2 } }), // degrees, share, pixels
};
const SHOWN = 20; // images that can be swapped

race?.then(({ teaching, lanes, own, pad, learner, drawnSet }) => {
  const { classes, sets } = teaching, select = byId("set");
  const [plain, changed] = [learner(), learner()];
  let images = [], swapped = false, known = {};

  sets.forEach(({ name, method }, i) => select.add(new Option(`${name} (${method})`, i)));
  select.add(new Option("Your own drawings", "own"));
  select.value = teaching.race.at(-1)[1];
  const chosen = () => sets[select.value] ?? { name: "your own drawings", recipe: teaching.recipe, words: "as your own in the race", targets: classes, starts: classes.map((_, c) => c) };
  const original = () => (sets[select.value] ? unpacked(chosen()) : drawnSet());

  /** Radio buttons with pictures, of which arrow keys choose one. */
  function choices(into, name, entries) {
    into.replaceChildren(...entries.map(([values, title], i) => made("label", { title },
      made("input", { type: "radio", name, value: i, checked: i === 0, ariaLabel: title }), tileOf(values))));
  }
  const picked = (name) => Number(document.querySelector(`input[name=${name}]:checked`)?.value ?? 0);

  function reset() {
    if (select.value === "own" && !own.every(Boolean)) {
      byId("played").textContent = "Draw one image of each kind first, above.";
      select.value = teaching.race.at(-1)[1];
    }
    images = original();
    swapped = false;
    known = {};
    const { words, learned } = chosen();
    byId("recipe").textContent = `Learned by ${words}.${learned ? ` In this set, ${learned}.` : ""}`;
    present(0);
  }

  function present(place) {
    const { starts } = chosen();
    choices(byId("tiles"), "tile", images.slice(0, SHOWN).map(([values], i) => [values, `image ${i + 1}, ${classes[starts[i]]}`]));
    const boxes = byId("tiles").querySelectorAll("input");
    boxes.forEach((box) => box.addEventListener("change", () => offer()));
    boxes[place].checked = true;
    offer();
  }

  let offered = [];
  /** Images of the same class from elsewhere. */
  function offer() {
    const label = chosen().starts[picked("tile")];
    const others = lanes.filter(({ set }) => set && set !== chosen()).flatMap(({ kind, set }) => {
      const at = set.starts.indexOf(label);
      return at < 0 ? [] : [[unpacked(set)[at][0], `${classes[label]}, ${kind}`]];
    });
    const mine = own[label] && select.value !== "own" ? [[own[label], `${classes[label]}, yours`]] : [];
    offered = [...mine, ...others];
    choices(byId("others"), "other", offered);
    byId("swap").disabled = !offered.length;
  }

  byId("swap").addEventListener("click", () => {
    const place = picked("tile");
    images = images.map((one, i) => (i === place ? [offered[picked("other")][0], one[1]] : one));
    swapped = true;
    present(place);
    byId("played").textContent = "Swapped. Teach it again to see the difference.";
  });
  select.addEventListener("change", reset);
  byId("undo").addEventListener("click", () => {
    for (const box of document.querySelectorAll("#switches input")) box.checked = false;
    reset();
    byId("played").textContent = "As it was.";
  });

  const on = () => [...document.querySelectorAll("#switches input:checked")].map(({ value }) => value);
  /** The set as it is now, with all changes. */
  const now = () => on().filter((name) => CHANGES[name]).reduce((set, name) => set.map(CHANGES[name]), images);

  byId("teach").addEventListener("click", async () => {
    const { recipe, name } = chosen(), switches = on(), different = swapped || switches.length;
    const other = switches.filter((one) => RECIPES[one]).reduce((plan, one) => RECIPES[one](plan), recipe);
    const say = (text) => { byId("played").textContent = text; };
    byId("teach").disabled = true;
    say("It learns …");
    const step = ({ step: at, steps }) => say(`It learns: step ${at} of ${steps} …`);
    try {
      const [before, after] = await Promise.all([
        known.accuracy === undefined ? plain.teach(original(), recipe, 0, step) : known,
        different ? changed.teach(now(), other, 0, step) : null,
      ]);
      known = before;
      const gain = after && after.accuracy - before.accuracy;
      say(`${name}: ${percent(before.accuracy)}${after ? ` as it was, ${percent(after.accuracy)} with the change: ${gain < 0 ? "−" : "+"}${Math.abs(gain).toFixed(1)} points.` : "."}`);
      byId("played").dataset.before = before.accuracy;
      byId("played").dataset.after = after ? after.accuracy : "";
      byId("wrong").replaceChildren(...(after ?? before).wrong.slice(0, 12).map(({ index }) => tileOf(
        Float32Array.from(pixelsOf(index), (byte) => byte / 255),
      )));
    } catch ({ message }) { say(message); }
    byId("teach").disabled = false;
  });
  const pixelsOf = (index) => plain.validation.pixels.subarray(index * SIZE, (index + 1) * SIZE);

  byId("borrow").addEventListener("click", () => {
    const { labels } = plain.validation, index = Math.floor(Math.random() * labels.length);
    const small = tileOf(Float32Array.from(pixelsOf(index), (byte) => byte / 255));
    pad.clear();
    pad.pen.drawImage(small, 0, 0, pad.canvas.width, pad.canvas.height);
    pad.changed();
  });

  reset();
  return { chosen, now, unchanged: () => !swapped && !on().length };
}).then((played) => played && downloads(played));
