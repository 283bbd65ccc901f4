"use strict";
/* The page itself: theme, sorting, and where each number comes from. */

const byId = (id) => document.getElementById(id);
const data = (id) => JSON.parse(byId(id).textContent);

{ // Theme: as the system has it, light, or dark.
  const themes = ["automatic", "light", "dark"];
  const button = byId("theme");
  const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const show = (theme) => {
    document.documentElement.dataset.theme = theme === "automatic" ? "" : theme;
    button.textContent = `Theme: ${theme}`;
  };
  let theme = themes.includes(kept()) ? kept() : "automatic";
  show(theme);
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    show(theme);
    try { localStorage.setItem("theme", theme); } catch { /* the theme is then not kept */ }
  });
}

{ // Sorting: a heading sorts, and turns the order when it is pressed again.
  const value = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.value) return Number(cell.dataset.value);
    return cell.classList.contains("figure") ? -Infinity : cell.textContent.trim().toLowerCase();
  };
  for (const table of document.querySelectorAll(".sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
      const numeric = head.classList.contains("figure");
      const before = head.ariaSort;
      const down = before === "none" ? numeric : before === "ascending";
      heads.forEach((other) => { other.ariaSort = "none"; });
      head.ariaSort = down ? "descending" : "ascending";
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [x, y] = [value(a, column), value(b, column)];
        return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
      });
      table.tBodies[0].append(...rows);
    }));
  }
}

{ // Origins: press a number to see its commands, seeds and values.
  const origins = data("origins");
  const dialog = byId("origin");
  const facts = (origin) => origin.source
    ? [["Published in", origin.source], ["As", origin.note]]
    : [
      ["Values, %", origin.values.join(", ")],
      ["n", origin.values.length ? `${origin.values.length} networks${origin.sets > 1 ? ` of ${origin.sets} sets` : ""}` : ""],
      ["Seeds", origin.seeds],
      ["Scored on", origin.split],
      ["Command", origin.commands.join("\n")],
      ["This number again", origin.again.join("\n")],
      ["Records", origin.files.join(", ")],
      ["Commit", origin.commits.join(", ")],
      ["Device", origin.devices.join(", ")],
    ].filter(([, text]) => text);
  const short = (origin) => origin.source
    ?? [origin.values.length && `n ${origin.values.length}`, origin.seeds && `seeds ${origin.seeds}`, origin.commands[0]].filter(Boolean).join(", ");
  for (const pointing of document.querySelectorAll("[data-origin]")) pointing.title = short(origins[pointing.dataset.origin]);
  document.addEventListener("click", ({ target }) => {
    const number = target.closest("[data-origin]");
    if (!number) return;
    dialog.querySelector("dl").replaceChildren(...facts(origins[number.dataset.origin]).flatMap(([name, text]) => {
      const term = document.createElement("dt"), fact = document.createElement("dd");
      term.textContent = name;
      fact.textContent = text;
      return [term, fact];
    }));
    dialog.showModal();
  });
}

{ // Folded parts: an address that names something within one unfolds it; paper shows them all.
  const unfold = () => {
    let part = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
    if (!part) return;
    for (let around = part; around; around = around.parentElement) if (around.open === false) around.open = true;
    part.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details.part")) part.open = true;
  });
}
