// <a href="/payments/…/" data-details>: what stands at /payments/…/details opens in the page's dialog; else the link is
// followed. A click anywhere on the row does the same.
import { reveal } from "./copy.js";

const dialog = document.getElementById("details");
const body = dialog.querySelector("[data-details-body]");

async function show(link) {
  body.replaceChildren(body.dataset.wait);
  dialog.showModal();
  const answer = await fetch(`${link.pathname}details`, { signal: AbortSignal.timeout(10000) }).catch(() => null);
  if (!answer?.ok || answer.redirected) {
    location.assign(link.href);
    return;
  }
  body.innerHTML = await answer.text();
  reveal(body);
}

document.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest("button, dialog")) return;
  const link = event.target.closest("tr")?.querySelector("[data-details]");
  if (!link) return;
  event.preventDefault();
  show(link);
});
