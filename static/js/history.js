// <a href="/payments/…/" data-details="/payments/…/details">: shows the details in the page's dialog; else the link is followed.
import { reveal } from "./copy.js";

const dialog = document.getElementById("details");
const body = dialog.querySelector("[data-details-body]");

document.addEventListener("click", async (event) => {
  if (event.target === dialog) dialog.close();
  const link = event.target.closest("[data-details]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const answer = await fetch(link.dataset.details).catch(() => null);
  if (!answer?.ok || answer.redirected) {
    location.assign(link.href);
    return;
  }
  body.innerHTML = await answer.text();
  reveal(body);
  dialog.showModal();
});
