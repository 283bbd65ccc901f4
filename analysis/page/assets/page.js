"use strict";
/* The page itself: theme, sorting, and what is folded. */

const byId = (id) => document.getElementById(id);
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
/** The value that an element holds as JSON, as gzip in base64. */
const data = (id) => new Response(
  new Blob([bytes(byId(id).textContent)]).stream().pipeThrough(new DecompressionStream("gzip")),
).json();
const made = (name, fields = {}, ...inside) => {
  const element = Object.assign(document.createElement(name), fields);
  element.append(...inside);
  return element;
};

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
