// <button data-copy="UKL7RT61SV" data-copied="Copied" hidden>: shown where the clipboard can be written, says when it was.
// One listener on the document, so parts that are fetched later work too; call `reveal(part)` for them.
export function reveal(root = document) {
  if (!navigator.clipboard) return;
  root.querySelectorAll("[data-copy][hidden]").forEach((button) => { button.hidden = false; });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const word = button.querySelector("[data-copy-word]");
  if (word.textContent === button.dataset.copied) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const before = word.textContent;
  word.textContent = button.dataset.copied;
  setTimeout(() => { word.textContent = before; }, 2000);
});

reveal();
