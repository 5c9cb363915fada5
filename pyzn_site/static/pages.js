// Only makes quicker what works without it: copying, a README's picture while the form is filled in, names while one is
// typed; and reads charts, whose numbers are in tables and titles too.
"use strict";

async function copy(button) {
  const text = document.getElementById(button.dataset.copy).textContent;
  const announcement = document.getElementById("announcement");
  try {
    await navigator.clipboard.writeText(text);
    announcement.textContent = "Copied to the clipboard.";
  } catch {
    // Without HTTPS a page may not write the clipboard: select it, so that one key is enough.
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    announcement.textContent = "Selected: press Ctrl+C, or Command+C on a Mac, to copy.";
  }
  const label = button.textContent;
  button.textContent = announcement.textContent.startsWith("Copied") ? "Copied" : "Selected";
  setTimeout(() => { button.textContent = label; }, 2000);
}

let asked = 0;

async function renew(form) {
  const mine = ++asked;
  const answer = await fetch(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`);
  const text = await answer.text();
  if (!answer.ok || mine !== asked) return;  // not a colour; or the form has changed since
  const made = new DOMParser().parseFromString(text, "text/html").getElementById("made");
  document.getElementById("made").replaceWith(made);
  offer(made);
}

function offer(part) {
  for (const button of part.querySelectorAll("button[data-copy]")) button.hidden = false;
}

let typed;

async function complete(field) {
  const text = field.value.trim();
  const answer = text && await fetch(`/search/names?q=${encodeURIComponent(text)}`);
  if (answer && answer.ok && text === field.value.trim()) {
    field.list.replaceChildren(...(await answer.json()).map((name) => new Option(name)));
  }
}

// A chart: the numbers under the pointer or by arrow keys, and a series is hidden by a click on its legend.
function read(figure) {
  const plot = figure.querySelector(".plot");
  const columns = [...plot.querySelectorAll(".column")];
  const numbers = columns.map((column) => column.dataset.numbers.split(" ").filter(Boolean).map(Number));
  const labels = [...figure.querySelectorAll(".series")];
  const strokes = [...plot.querySelectorAll(".strokes path")];
  const hidden = new Set();
  const box = figure.appendChild(document.createElement("div"));
  let at = -1;
  box.className = "reading";
  box.hidden = true;
  for (const column of columns) {  // instead of the browser's own box, which comes late and not by keyboard
    column.setAttribute("aria-label", column.firstElementChild.textContent);
    column.firstElementChild.remove();
  }

  function show(place) {
    columns[at]?.classList.remove("read");
    at = place;
    box.hidden = at < 0;
    if (at < 0) return;
    columns[at].classList.add("read");
    const total = numbers[at].reduce((sum, number) => sum + number, 0);
    const rows = labels.flatMap((label, each) => {
      const number = numbers[at][each];
      if (hidden.has(each) || !number && !("lines" in figure.dataset)) return [];
      const row = document.createElement("div");
      const value = document.createElement("b");
      value.textContent = number === undefined ? "not known" : number.toLocaleString("en")
        + (figure.dataset.end === "0" ? ` (${(100 * number / total).toFixed(1)} %)` : "");
      row.append(label.querySelector("svg").cloneNode(true), label.textContent.trim(), " ", value);
      return [row];
    });
    const head = columns[at].getAttribute("aria-label").split("\n", 1)[0];
    box.replaceChildren(head, ...rows);
    const column = columns[at].getBoundingClientRect(), whole = figure.getBoundingClientRect();
    const left = column.left - whole.left;
    box.style.left = `${left < whole.width / 2 ? left + column.width + 8 : Math.max(0, left - box.offsetWidth - 8)}px`;
  }

  function draw() {
    if ("lines" in figure.dataset) {
      strokes.forEach((stroke, each) => { stroke.style.display = hidden.has(each) ? "none" : ""; });
      return;
    }
    const height = Number(figure.dataset.height), paths = strokes.map(() => "");
    const tops = numbers.map((column, place) => {
      const end = Number(figure.dataset.end) || column.reduce((sum, number) => sum + number, 0);
      const y = (number) => end ? height * (1 - number / end) : height;
      let low = 0;
      for (let each = column.length - 1; each >= 0; each--) {
        if (hidden.has(each) || !column[each]) continue;
        paths[each] += `M${place + 0.075} ${y(low)}h.85V${y(low + column[each])}h-.85z`;
        low += column[each];
      }
      return y(low);
    });
    strokes.forEach((stroke, each) => stroke.setAttribute("d", paths[each]));
    for (const stripes of plot.querySelectorAll(".provisional")) {
      stripes.setAttribute("y", tops[stripes.dataset.column]);
      stripes.setAttribute("height", height - tops[stripes.dataset.column]);
    }
  }

  labels.forEach((label, each) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(...label.childNodes);
    label.append(button);
    button.addEventListener("click", () => {
      if (!hidden.delete(each)) hidden.add(each);
      button.setAttribute("aria-pressed", String(!hidden.has(each)));
      draw();
    });
  });
  plot.addEventListener("pointerover", (event) => {
    const column = event.target.closest(".column");
    if (column) show(columns.indexOf(column));
  });
  plot.addEventListener("pointerleave", () => show(-1));
  plot.addEventListener("blur", () => show(-1));
  plot.addEventListener("keydown", (event) => {
    const last = columns.length - 1, before = at < 0 ? last + 1 : at;
    const place = { ArrowLeft: Math.max(before - 1, 0), ArrowRight: Math.min(at + 1, last), Home: 0, End: last, Escape: -1 }[event.key];
    if (place === undefined) return;
    event.preventDefault();
    show(place);
    document.getElementById("announcement").textContent = place < 0 ? "" : [...box.childNodes].map((each) => each.textContent).join("; ");
  });
}

offer(document);
document.querySelectorAll(".drawing").forEach(read);
document.addEventListener("input", (event) => {
  if (!event.target.list) return;
  clearTimeout(typed);
  typed = setTimeout(complete, 150, event.target);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copy(button);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-renew]");
  if (form) renew(form);
});
