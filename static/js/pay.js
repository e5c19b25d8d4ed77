// A form that pays: says at once what is surely wrong, groups the thousands of an amount where it has one, is sent only
// once, and can be sent again when nothing comes back. The server decides.
import { amountIn, isPhone } from "./spellings.js";

const PATIENCE_MS = 20000; // the server answers within three seconds, whatever M-Pesa does
const form = document.querySelector("[data-pay]");
const phone = form.querySelector("[data-phone]");
const amount = form.querySelector("[data-amount]");
const button = form.querySelector("button[data-busy]");
const unanswered = form.querySelector("[data-unanswered]");
const { least, most } = amount?.dataset ?? {};
let sent = false;
let everSent = false;
let timer;

// Words beside a field, or none: the server's own are replaced by them.
function say(input, words) {
  const field = input.closest(".field");
  const old = field.querySelectorAll(".field__error");
  if (words && old.length === 1 && old[0].textContent.trim() === words) return;
  old.forEach((line) => line.remove());
  const described = [`${input.id}_helptext`];
  if (words) {
    const line = document.createElement("p");
    line.className = "field__error";
    line.id = `${input.id}_said`;
    line.setAttribute("role", "alert");
    line.textContent = words;
    input.after(line);
    described.push(line.id);
    input.setAttribute("aria-invalid", "true");
  } else {
    input.removeAttribute("aria-invalid");
  }
  input.setAttribute("aria-describedby", described.filter((id) => document.getElementById(id)).join(" "));
}

const wrongPhone = () => (isPhone(phone.value) ? "" : form.dataset.phoneWords);
function wrongAmount() {
  if (!amount) return "";
  const shillings = amountIn(amount.value);
  if (!shillings || +shillings < +least || +shillings > +most) return form.dataset.amountWords;
  return /\.\d*[1-9]/.test(shillings) ? form.dataset.centsWords : "";
}
const checkPhone = () => say(phone, wrongPhone());
const checkAmount = () => amount && say(amount, wrongAmount());

// 1500 becomes 1,500 while it is typed; the caret stays behind the same digit. What was pasted is changed only if it is
// an amount: "1,50" is nobody's 150.
function group(event) {
  const digits = amount.value.replace(/[\s,]/g, "");
  if (!/^\d{1,15}$/.test(digits) || (event.inputType?.startsWith("insertFrom") && !amountIn(amount.value))) return;
  const fromEnd = amount.value.slice(amount.selectionEnd ?? amount.value.length).replace(/\D/g, "").length;
  amount.value = Number(digits).toLocaleString("en");
  let at = amount.value.length;
  for (let seen = 0; seen < fromEnd && at > 0; at -= 1) if (/\d/.test(amount.value[at - 1])) seen += 1;
  if (document.activeElement === amount) amount.setSelectionRange(at, at);
}

phone.addEventListener("blur", () => phone.value && checkPhone());
amount?.addEventListener("blur", () => amount.value && checkAmount());
phone.addEventListener("input", () => wrongPhone() || say(phone, ""));
amount?.addEventListener("input", (event) => { group(event); if (!wrongAmount()) say(amount, ""); });

form.addEventListener("submit", (event) => {
  checkPhone();
  checkAmount();
  if (sent || wrongPhone() || wrongAmount()) {
    event.preventDefault();
    if (!sent) form.querySelector("[aria-invalid]").focus();
    return;
  }
  sent = everSent = true;
  unanswered.textContent = "";
  button.setAttribute("aria-disabled", "true"); // not `disabled`: the focus would be lost
  button.dataset.rest ??= button.textContent;
  button.textContent = button.dataset.busy;
  timer = setTimeout(free, PATIENCE_MS);
});

// Stopped, broken, or without an answer: the form may be sent again. Its key makes that the same request.
function free() {
  if (!sent) return;
  sent = false;
  clearTimeout(timer);
  button.removeAttribute("aria-disabled");
  button.textContent = button.dataset.rest;
  unanswered.textContent = form.dataset.unansweredWords;
}

window.addEventListener("online", free);
window.navigation?.addEventListener("navigateerror", free);
document.addEventListener("keydown", (event) => event.key === "Escape" && free());

// Back from where the form led, in a page that the browser kept: the server says how things stand now.
window.addEventListener("pageshow", (event) => {
  free();
  if (event.persisted && everSent && navigator.onLine) location.replace(form.getAttribute("action"));
});

document.querySelectorAll("[data-fill]").forEach((fill) => {
  fill.hidden = false;
  fill.parentElement.querySelector("[data-plain]")?.remove();
  fill.addEventListener("click", () => {
    phone.value = fill.dataset.fill;
    say(phone, "");
    (amount ?? button).focus();
  });
});
