"use strict";
// The page is complete without this: titles show natively, tables stand in trial order.
const tip = document.getElementById("tip");
for (const title of document.querySelectorAll("svg title")) {
  const owner = title.parentElement;
  owner.setAttribute("data-tip", title.textContent);
  owner.setAttribute("aria-label", title.textContent);
  title.remove();
}
function show(event) {
  const owner = event.target.closest("[data-tip]");
  tip.hidden = !owner;
  if (!owner) return;
  tip.textContent = owner.getAttribute("data-tip");
  const page = document.documentElement;
  const left = Math.min(event.clientX + 14, page.clientWidth - tip.offsetWidth - 8);
  const below = event.clientY + 18 + tip.offsetHeight < page.clientHeight;
  tip.style.left = Math.max(left, 8) + window.scrollX + "px";
  tip.style.top = (below ? event.clientY + 18 : event.clientY - tip.offsetHeight - 10) + window.scrollY + "px";
}
document.addEventListener("pointermove", show);
document.addEventListener("pointerdown", show);
document.addEventListener("scroll", () => { tip.hidden = true; }, true);

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].getAttribute("data-order");
      const compare = (one, other) => {
        const a = key(one), b = key(other);
        if (a === "" || b === "") return (a === "") - (b === "");
        const order = isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
        return down ? -order : order;
      };
      body.append(...Array.from(body.rows).sort(compare));
    });
  });
}
// A link to a network opens it.
function open() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
}
window.addEventListener("hashchange", open);
open();
