// Lists of payments, and what the desk counts, follow what happens: the socket says "changed", the page is fetched again and
// its list (and each data-live-part) put in its place, at most once a second; without a socket it is fetched every 5 s.
// Nothing is touched while somebody works inside the list.
const POLL_MS = 5000;
const PAUSE_MS = 1000;
const NOT_SIGNED_IN = 4401;
const HUNG_UP = new Set([NOT_SIGNED_IN, 4403]); // signed out, or not staff any more
const note = document.querySelector("[data-live-list]");
const list = document.querySelector("#changelist-form") ?? document.querySelector("[data-live-part]"); // the desk has no list
let fetching = null;
let again = false;
let poll = null;

function say(state) {
  note.dataset.state = state;
  note.textContent = note.dataset[state];
}

function busy() {
  return list.contains(document.activeElement) || String(getSelection()) !== "" || document.hidden;
}

async function replace() {
  const answer = await fetch(location.href, { headers: { "X-Live-List": "1" } }).catch(() => null);
  if (answer?.redirected && new URL(answer.url).pathname === "/log-in/") return location.reload(); // back after a log-in
  if (!answer?.ok || answer.redirected) return answer?.redirected ? stop() : undefined;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (busy()) return;
  for (const old of document.querySelectorAll("[data-live-part]")) {
    const now = page.querySelector(`[data-live-part="${old.dataset.livePart}"]`);
    if (now && old.innerHTML !== now.innerHTML) old.replaceChildren(...now.childNodes);
  }
  const fresh = page.querySelector("#changelist-form");
  if (!fresh) return;
  for (const part of [".results", ".paginator"]) {
    const [old, now] = [list.querySelector(part), fresh.querySelector(part)];
    if (old && now && old.innerHTML !== now.innerHTML) old.replaceWith(now);
    else if (!old && now) list.prepend(now);
    else if (old && !now) old.remove();
  }
}

// One at a time; what is told meanwhile is fetched once, a moment later.
function refresh() {
  again = true;
  if (fetching || busy()) return;
  again = false;
  fetching = replace().finally(() => setTimeout(() => {
    fetching = null;
    if (again) refresh();
  }, PAUSE_MS));
}

function startPolling() {
  poll ??= setInterval(refresh, POLL_MS);
}

function stopPolling() {
  clearInterval(poll);
  poll = null;
}

function stop() {
  stopPolling();
  say("paused");
}

function connect(pause = 500) {
  const address = new URL(note.dataset.socket, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address);
  let opened = false;
  socket.onopen = () => { opened = true; stopPolling(); say("live"); refresh(); };
  socket.onmessage = refresh;
  socket.onclose = ({ code }) => {
    if (HUNG_UP.has(code)) return stop(), code === NOT_SIGNED_IN && replace();
    startPolling();
    say("polling");
    setTimeout(connect, pause, opened ? 500 : Math.min(pause * 2, 30000));
  };
}

// What was told while somebody worked in the list, or looked at another tab, is shown afterwards.
const later = () => { if (again) refresh(); };
if (note && list) {
  document.addEventListener("visibilitychange", later);
  list.addEventListener("focusout", () => setTimeout(later));
  connect();
}
