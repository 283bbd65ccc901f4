"use strict";
/* What the reader can take away: sets as files and pictures, and a picture of the own result. */

function download(name, content, type) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  made("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

const fileName = (name) => name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

/** Images in rows of ten, each pixel as `scale` of them. */
function pictureOf(images, scale = 8) {
  const small = made("canvas"), large = made("canvas");
  strip(small, images);
  large.width = small.width * scale;
  large.height = small.height * scale;
  const pen = large.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, large.width, large.height);
  return large;
}

/** The result of the race as a picture of 1200 x 630, the size that others show as a preview. */
function sharedPicture({ lanes, validation }) {
  const canvas = made("canvas", { width: 1200, height: 630 }), pen = canvas.getContext("2d");
  const fill = (colour, x, y, width, height) => { pen.fillStyle = colour; pen.fillRect(x, y, width, height); };
  const write = (words, font, x, y, colour = "#f4f1ea") => {
    Object.assign(pen, { font, fillStyle: colour });
    pen.fillText(words, x, y);
  };
  const serif = "Palatino, Georgia, serif", sans = "system-ui, sans-serif";
  const colours = { essay: "#5bc9a5", random: "#b0b4bd", searched: "#77b8ec", distilled: "#ff9257" };
  fill("#101014", 0, 0, 1200, 630);
  write("Which ten images teach a machine best?", `600 46px ${serif}`, 50, 85);
  pen.imageSmoothingEnabled = false;
  lanes.filter(({ accuracy }) => accuracy !== null && accuracy !== undefined).forEach((lane, i) => {
    const y = 130 + i * 112, colour = colours[lane.colour] ?? "#cf9cdd";
    write(lane.kind[0].toUpperCase() + lane.kind.slice(1), `600 24px ${sans}`, 50, y + 18, colour);
    pen.drawImage(lane.strip, 50, y + 30, 580, (580 * lane.strip.height) / lane.strip.width);
    fill("#2c2c33", 660, y + 42, 330, 34);
    fill(colour, 660, y + 42, 3.3 * lane.accuracy, 34);
    write(percent(lane.accuracy), `600 40px ${serif}`, 1010, y + 74);
  });
  write(`The same small network, the same lesson; read correctly of the same ${validation.labels.length.toLocaleString("en")} images.`, `20px ${sans}`, 50, 600, "#b9b6ae");
  return canvas;
}

const savePicture = (canvas, name) => canvas.toBlob((blob) => download(name, blob), "image/png");

/** Connect the buttons; `chosen`, `now` and `unchanged` are of play.js. */
async function downloads({ chosen, now, unchanged }) {
  const state = await race, { dataset, checksum: of } = state.teaching;
  const named = { dataset, checksum: of };
  byId("share").addEventListener("click", () => savePicture(sharedPicture(state), "super-trainers.png"));
  byId("own-file").addEventListener("click", async () => {
    if (!state.own.every(Boolean)) { byId("state").textContent = "Draw one image of each kind first."; return; }
    const set = { name: "my own drawings", method: "drawn by hand", ...named };
    download("my-own-drawings.npz", await candidateFile(state.drawnSet(), set));
  });
  byId("set-picture").addEventListener("click", () => (
    savePicture(pictureOf(now().map(([image]) => image)), `${fileName(chosen().name)}.png`)));
  byId("set-file").addEventListener("click", async () => {
    const { name, file, learned } = chosen();
    if (unchanged() && file) { download(`${fileName(name)}.npz`, bytes(file)); return; }
    const set = { name: `${name}, changed in the page`, method: "changed in the page", ...named };
    const soft = now().some(([, target]) => target.filter((value) => value > 0.05).length > 1);
    download(`${fileName(name)}-changed.npz`, await candidateFile(now(), { ...set, soft: soft || Boolean(learned) }));
  });
}
