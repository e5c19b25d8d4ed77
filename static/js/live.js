// <div data-live-part data-url="…" data-socket="/ws/…">: a part of the page that the server renders anew.
// The socket says "changed", the part is fetched and put in place. Without a socket it is fetched every 3 s for two
// minutes, then every 15 s; a part that says data-live="no" is final and not polled, but the socket stays: late money wins.
import { reveal } from "./copy.js";
import { start } from "./countdown.js";

const FAST = 3000;
const SLOW = 15000;
const FAST_FOR = 120000;

class LivePart {
  constructor(element) {
    this.element = element;
    this.began = performance.now();
    this.pause = 500;
    this.connect();
    this.poll();
    element.addEventListener("countdown:over", () => this.refresh());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.refresh(); });
  }

  connect() {
    const address = new URL(this.element.dataset.socket, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(address);
    this.socket.onopen = () => { this.pause = 500; this.refresh(); };
    this.socket.onmessage = () => this.refresh();
    this.socket.onclose = (event) => {
      if (event.code >= 4400 && event.code < 4500) return; // we may not listen: polling goes on
      setTimeout(() => this.connect(), this.pause);
      this.pause = Math.min(this.pause * 2, 15000);
    };
  }

  get isFinal() {
    return this.element.querySelector("[data-live]")?.dataset.live === "no";
  }

  poll() {
    const wait = performance.now() - this.began < FAST_FOR ? FAST : SLOW;
    setTimeout(async () => {
      const open = this.socket.readyState === WebSocket.OPEN;
      if (!document.hidden && !this.isFinal && !open) await this.refresh();
      this.poll();
    }, wait);
  }

  async refresh() {
    if (this.busy) { this.again = true; return; }
    this.busy = true;
    try {
      const answer = await fetch(this.element.dataset.url, { headers: { "X-Part": "1" } });
      if (answer.redirected) location.reload(); // signed out meanwhile
      else if (answer.ok) this.put(await answer.text());
    } catch { /* no network: the next news or poll tries again */ }
    this.busy = false;
    if (this.again) { this.again = false; this.refresh(); }
  }

  put(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    const version = (root) => root.querySelector("[data-version]")?.dataset.version;
    if (version(fresh.content) ? version(fresh.content) === version(this.element) : html === this.last) return;
    this.last = html;
    const focused = this.element.contains(document.activeElement);
    this.element.replaceChildren(fresh.content);
    start(this.element);
    reveal(this.element);
    if (focused) this.element.querySelector("a, button, summary")?.focus();
    const title = this.element.querySelector(".answer__title");
    if (title) document.title = title.textContent;
  }
}

document.querySelectorAll("[data-live-part]").forEach((element) => new LivePart(element));

// A form is sent once: the button rests until the answer is there.
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-once]")) event.target.querySelector("button").disabled = true;
});
