// The deposit form: says at once what is wrong, groups the thousands, and is sent only once. The server decides.
const form = document.querySelector("[data-deposit]");
const phone = form.querySelector("[data-phone]");
const amount = form.querySelector("[data-amount]");
const button = form.querySelector("button[data-busy]");

const isPhone = () => /^(\+?254|0)?[17]\d{8}$/.test(phone.value.replace(/[\s-]/g, ""));
const shillings = () => amount.value.replace(/[\s,]/g, "");
const isAmount = () => /^\d+$/.test(shillings()) && +shillings() >= +amount.dataset.least && +shillings() <= +amount.dataset.most;

function say(input, words) {
  const field = input.closest(".field");
  field.querySelectorAll(".field__error").forEach((old) => old.remove());
  input.toggleAttribute("aria-invalid", Boolean(words));
  if (!words) return;
  const error = document.createElement("p");
  error.className = "field__error";
  error.id = `${input.id}_live_error`;
  error.setAttribute("role", "alert");
  error.textContent = words;
  field.append(error);
  input.setAttribute("aria-describedby", `${input.id}_helptext ${error.id}`);
}

const check = {
  phone: () => say(phone, isPhone() ? "" : form.dataset.phoneWords),
  amount: () => say(amount, isAmount() ? "" : form.dataset.amountWords),
};

phone.addEventListener("blur", () => phone.value && check.phone());
amount.addEventListener("blur", () => amount.value && check.amount());
phone.addEventListener("input", () => { if (isPhone()) say(phone, ""); });
amount.addEventListener("input", () => {
  const digits = shillings();
  if (/^\d+$/.test(digits)) amount.value = Number(digits).toLocaleString("en");
  if (isAmount()) say(amount, "");
});

form.addEventListener("submit", (event) => {
  check.phone();
  check.amount();
  if (!isPhone() || !isAmount()) {
    event.preventDefault();
    form.querySelector("[aria-invalid]").focus();
  } else if (button.disabled) {
    event.preventDefault();
  } else {
    button.disabled = true;
    button.dataset.rest = button.textContent;
    button.textContent = button.dataset.busy;
  }
});

window.addEventListener("pageshow", () => {
  button.disabled = false;
  if (button.dataset.rest) button.textContent = button.dataset.rest;
});

document.querySelectorAll("[data-fill]").forEach((fill) => {
  fill.hidden = false;
  fill.parentElement.querySelector("[data-plain]")?.remove();
  fill.addEventListener("click", () => {
    phone.value = fill.dataset.fill;
    say(phone, "");
    amount.focus();
  });
});
