// Only makes quicker what works without it: copying, and a README's picture while the form is filled in.
"use strict";

async function copy(button) {
  const text = document.getElementById(button.dataset.copy).textContent;
  const said = document.getElementById("said");
  try {
    await navigator.clipboard.writeText(text);
    said.textContent = "Copied to the clipboard.";
  } catch {
    // Without HTTPS a page may not write the clipboard: select it, so that one key is enough.
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    said.textContent = "Selected: press Ctrl+C, or Command+C on a Mac, to copy.";
  }
  const label = button.textContent;
  button.textContent = said.textContent.startsWith("Copied") ? "Copied" : "Selected";
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

offer(document);
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copy(button);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-renew]");
  if (form) renew(form);
});
