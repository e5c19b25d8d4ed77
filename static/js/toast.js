// toast("Copied", "green"): a sentence in the page's own live region. It stays until the page changes or it is replaced.
export function toast(text, tone = "blue") {
  const box = document.querySelector(".toasts");
  if (!box) return;
  const line = document.createElement("div");
  line.className = `toast tone-${tone}`;
  const words = document.createElement("span");
  words.className = "toast__text";
  words.textContent = text;
  line.append(words);
  box.replaceChildren(line);
}
