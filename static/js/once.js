// <form data-once> is sent once: the server knows the second click too, but need not be asked.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-once]");
  if (!form) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  form.querySelector("button").setAttribute("aria-disabled", "true");
});
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
