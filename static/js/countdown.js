// <span data-countdown="2026-11-21T14:32:00+03:00" data-seconds="102"><span class="countdown__time">1:42</span></span>
// Counts down from `data-seconds`, as the server reckoned them: the phone's clock may be wrong, so it is never asked.
// A bar beside it shrinks with it: full at `data-whole` seconds, or at those it began with.
// Sends "countdown:over" (it bubbles) once, at zero. Call `start(part)` for parts that are fetched later.
const asClock = (s) => `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;

function run(element) {
  if (element.dataset.running) return;
  element.dataset.running = "yes";
  const face = element.querySelector(".countdown__time") ?? element;
  const bar = element.closest(".status__wait")?.querySelector(".progress__bar");
  const seconds = Number(element.dataset.seconds);
  const whole = Number(element.dataset.whole) || seconds;
  const end = performance.now() + seconds * 1000;
  const wait = (left) => setTimeout(tick, end - performance.now() - (left - 1) * 1000); // until a second less is left
  const show = (left) => {
    face.textContent = asClock(left);
    if (bar) bar.style.width = `${(100 * left) / whole}%`;
  };
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    show(left);
    if (left === 0) element.dispatchEvent(new CustomEvent("countdown:over", { bubbles: true }));
    else if (element.isConnected) wait(left);
  };
  show(seconds);
  wait(seconds);
}

export function start(root = document) {
  root.querySelectorAll("[data-seconds]").forEach(run);
}

start();
