// A form that pays: says at once what is wrong, groups the thousands of an amount where it has one, and is sent only
// once. The server decides.
const form = document.querySelector("[data-pay]");
const phone = form.querySelector("[data-phone]");
const amount = form.querySelector("[data-amount]");
const button = form.querySelector("button[data-busy]");
const { least, most } = amount?.dataset ?? {};
let sent = false;

const isPhone = () => /^(\+?254|0)?[17]\d{8}$/.test(phone.value.replace(/[\s-]/g, ""));
const shillings = () => amount.value.replace(/[\s,]/g, "");
const isAmount = () => !amount || (/^\d+$/.test(shillings()) && +shillings() >= +least && +shillings() <= +most);

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

const checkPhone = () => say(phone, isPhone() ? "" : form.dataset.phoneWords);
const checkAmount = () => amount && say(amount, isAmount() ? "" : form.dataset.amountWords);

// 1500 becomes 1,500 while it is typed; the caret stays behind the same digit.
function group() {
  if (!/^\d+$/.test(shillings())) return;
  const fromEnd = amount.value.slice(amount.selectionEnd ?? amount.value.length).replace(/\D/g, "").length;
  amount.value = Number(shillings()).toLocaleString("en");
  let at = amount.value.length;
  for (let digits = 0; digits < fromEnd; at -= 1) if (/\d/.test(amount.value[at - 1])) digits += 1;
  if (document.activeElement === amount) amount.setSelectionRange(at, at);
}

phone.addEventListener("blur", () => phone.value && checkPhone());
amount?.addEventListener("blur", () => amount.value && checkAmount());
phone.addEventListener("input", () => isPhone() && say(phone, ""));
amount?.addEventListener("input", () => { group(); if (isAmount()) say(amount, ""); });

form.addEventListener("submit", (event) => {
  checkPhone();
  checkAmount();
  if (sent || !isPhone() || !isAmount()) {
    event.preventDefault();
    if (!sent) form.querySelector("[aria-invalid]").focus();
    return;
  }
  sent = true;
  button.setAttribute("aria-disabled", "true"); // not `disabled`: the focus would be lost
  button.dataset.rest = button.textContent;
  button.textContent = button.dataset.busy;
});

// Back from the payment's page: the form may be used anew, with the key that the server gave it.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
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
