"use strict";
/* Where each number comes from: press it to see its commands, seeds and values. */

data("origins").then((origins) => {
  const dialog = byId("origin");
  const networks = ({ values, sets }) => `${values.length} networks${sets > 1 ? ` of ${sets} sets` : ""}`;
  const facts = (origin) => (origin.source
    ? [["Published in", [origin.source]], ["As", [origin.note]]]
    : [
      ["Values, %", [origin.values.join(", ")]],
      ["n", [origin.values.length ? networks(origin) : ""]],
      ["Seeds", [origin.seeds]],
      ["Scored on", [origin.split]],
      ["This number again", origin.again.map(command)],
      ["Command", [origin.commands.join("\n")]],
      ["Records", [origin.files.join(", ")]],
      ["Commit", [origin.commits.join(", ")]],
      ["Device", [origin.devices.join(", ")]],
    ].filter(([, [first]]) => first));

  /** A command with a button that copies it. */
  function command(text) {
    const copy = made("button", { type: "button", className: "quiet", textContent: "Copy" });
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    });
    return made("span", { className: "command" }, made("code", { textContent: text }), copy);
  }

  const short = (origin) => origin.source
    ?? [origin.values.length && `n ${origin.values.length}`, origin.seeds && `seeds ${origin.seeds}`,
      origin.again[0] ?? origin.commands[0]].filter(Boolean).join(", ");
  for (const pointing of document.querySelectorAll("[data-origin]")) {
    pointing.title = short(origins[pointing.dataset.origin]);
  }
  document.addEventListener("click", ({ target }) => {
    const number = target.closest("[data-origin]");
    if (!number) return;
    dialog.querySelector("dl").replaceChildren(
      ...facts(origins[number.dataset.origin]).flatMap(([name, texts]) => [
        made("dt", { textContent: name }), made("dd", {}, ...texts),
      ]),
    );
    dialog.showModal();
  });
});
