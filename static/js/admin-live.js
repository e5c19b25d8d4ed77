// The list of payments follows what happens: the socket says "changed", the list is fetched and put in place (within a
// second); without a socket it is fetched every 5 s. Nothing is touched while something is ticked or typed.
const FETCH_S = 5;
const note = document.querySelector("[data-live-list]");

async function refresh() {
  const list = document.querySelector("#changelist-form");
  if (!list || list.querySelector("input:checked") || list.contains(document.activeElement)) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("#changelist-form .results");
  const old = list.querySelector(".results");
  if (fresh && old) old.replaceWith(fresh);
  else if (fresh || old) location.reload();
}

function connect(pause = 500) {
  const address = new URL(note.dataset.socket, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address);
  let polling;
  socket.onopen = () => { note.textContent = note.dataset.words; refresh(); };
  socket.onmessage = refresh;
  socket.onclose = () => {
    polling = setInterval(refresh, FETCH_S * 1000);
    setTimeout(() => { clearInterval(polling); connect(Math.min(pause * 2, 30000)); }, Math.max(pause, FETCH_S * 1000 + 100));
  };
}

if (note) connect();
