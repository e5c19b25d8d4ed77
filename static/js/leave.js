// Logged out meanwhile: the page leads to the log-in and back, a form that pays with the amount that was typed. What is
// being sent is not broken off: its answer leads on.
export function leave(logIn) {
  if (document.querySelector("form [aria-disabled='true']")) return;
  const form = document.querySelector("[data-pay]");
  if (!form || form.querySelector("[data-rest]")) return void location.reload(); // pay.js sent it once: no word that it did not
  const [here, door] = [new URL(location.href), new URL(logIn)];
  const amount = form.querySelector("[data-amount]")?.value;
  if (amount) here.searchParams.set("amount", amount);
  door.searchParams.set("next", here.pathname + here.search);
  door.searchParams.set("why", "unsent");
  location.replace(door);
}
