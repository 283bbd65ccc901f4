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

{ // Traces: press a number to see its commands, seeds and values.
  const traces = data("traces");
  const dialog = byId("trace");
  const facts = (trace) => trace.source
    ? [["Published in", trace.source], ["As", trace.note]]
    : [
      ["Values, %", trace.values.join(", ")],
      ["n", trace.values.length ? `${trace.values.length} networks${trace.sets > 1 ? ` of ${trace.sets} sets` : ""}` : ""],
      ["Seeds", trace.seeds],
      ["Scored on", trace.split],
      ["Command", trace.commands.join("\n")],
      ["This number again", trace.again.join("\n")],
      ["Records", trace.files.join(", ")],
      ["Commit", trace.commits.join(", ")],
      ["Device", trace.devices.join(", ")],
    ].filter(([, text]) => text);
  const short = (trace) => trace.source
    ?? [trace.values.length && `n ${trace.values.length}`, trace.seeds && `seeds ${trace.seeds}`, trace.commands[0]].filter(Boolean).join(", ");
  for (const traced of document.querySelectorAll("[data-trace]")) traced.title = short(traces[traced.dataset.trace]);
  document.addEventListener("click", ({ target }) => {
    const number = target.closest("[data-trace]");
    if (!number) return;
    dialog.querySelector("dl").replaceChildren(...facts(traces[number.dataset.trace]).flatMap(([name, text]) => {
      const term = document.createElement("dt"), fact = document.createElement("dd");
      term.textContent = name;
      fact.textContent = text;
      return [term, fact];
    }));
    dialog.showModal();
  });
}
