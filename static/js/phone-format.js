// <input data-phone>: shows 0712345678 as "0712 345 678" and +254712345678 as "+254 712 345 678" while it is typed.
// Only spaces are added or taken away; the server accepts every form. The caret stays behind the same digit.
function spaced(text) {
  const plus = text.trimStart().startsWith("+") ? "+" : "";
  const digits = text.replace(/\D/g, "");
  const head = digits.startsWith("254") ? [3, 6, 9] : digits.startsWith("00254") ? [5, 8, 11] : digits.startsWith("0") ? [4, 7] : [3, 6];
  const parts = [0, ...head].map((from, i) => digits.slice(from, [...head, digits.length][i]));
  return plus + parts.filter(Boolean).join(" ");
}

function caretAfter(text, digitsBefore) {
  let at = 0;
  for (let seen = 0; at < text.length && seen < digitsBefore; at += 1) if (/[\d+]/.test(text[at])) seen += 1;
  return at;
}

function format(input) {
  if (/[^\d\s+\-]/.test(input.value)) return; // not a number (yet): leave it for the server's words
  const before = input.value.slice(0, input.selectionStart ?? input.value.length).replace(/[^\d+]/g, "").length;
  const value = spaced(input.value);
  if (value === input.value) return;
  input.value = value;
  if (document.activeElement === input) input.setSelectionRange(caretAfter(value, before), caretAfter(value, before));
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-phone]") && !event.isComposing) format(event.target);
});
document.querySelectorAll("[data-phone]").forEach(format);
