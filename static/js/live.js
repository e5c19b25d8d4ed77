// <div data-live-part data-url="…" data-socket="/ws/…">: a part of the page that the server renders anew.
// The socket says "changed", the part is fetched and put in place. Without a socket it is fetched every 3 s for two
// minutes, then every 15 s. A part that says data-live="no" is final and not polled, but its socket stays: late money wins.
import { reveal } from "./copy.js";
import { start } from "./countdown.js";
import "./once.js";

const FAST_MS = 3000;
const SLOW_MS = 15000;
const FAST_FOR_MS = 120000;
const PATIENCE_MS = 10000;
const COME_AGAIN = 4000;
const NOT_SIGNED_IN = 4401;

// One socket for each address, however many parts listen to it.
const lines = {};

class Line {
  constructor(address) {
    this.address = new URL(address, location.href);
    this.address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.parts = [];
    this.pause = 500;
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(this.address);
    this.socket.onopen = () => { this.pause = 500; this.tell(); }; // what was said before it opened
    this.socket.onmessage = () => this.tell();
    this.socket.onclose = (event) => {
      if (event.code === COME_AGAIN || event.code === NOT_SIGNED_IN) this.tell(); // logged out in another tab, perhaps
      if (event.code >= 4400 && event.code < 4500) return; // we may not listen: polling goes on
      setTimeout(() => this.connect(), this.pause);
      this.pause = Math.min(this.pause * 2, SLOW_MS);
    };
  }

  tell() { this.parts.forEach((part) => part.refresh()); }
}

class LivePart {
  constructor(element) {
    this.element = element;
    this.began = performance.now();
    const { socket } = element.dataset;
    this.line = lines[socket] ??= new Line(socket);
    this.line.parts.push(this);
    this.poll();
    element.addEventListener("countdown:over", () => this.refresh());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.refresh(); });
  }

  get isFinal() {
    return this.element.querySelector("[data-live]")?.dataset.live === "no";
  }

  poll() {
    const young = performance.now() - this.began < FAST_FOR_MS;
    setTimeout(async () => {
      const told = this.line.socket.readyState === WebSocket.OPEN;
      if (!told && !this.isFinal && !document.hidden) await this.refresh();
      this.poll();
    }, young ? FAST_MS : SLOW_MS);
  }

  // One fetch at a time; what changes meanwhile is fetched after it.
  async refresh() {
    this.stale = true;
    if (this.busy) return;
    this.busy = true;
    while (this.stale) {
      this.stale = false;
      await this.fetch();
    }
    this.busy = false;
  }

  async fetch() {
    try {
      const answer = await fetch(this.element.dataset.url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.redirected) (await import("./leave.js")).leave(answer.url); // logged out meanwhile
      else if (answer.ok) this.put(await answer.text());
    } catch { /* no network: the next news or poll tries again */ }
  }

  put(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    const version = (root) => root.querySelector("[data-version]")?.dataset.version;
    const known = version(this.element);
    if (known ? known === version(fresh.content) : html === this.last) return;
    this.last = html;
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    const words = focused?.textContent;
    this.element.replaceChildren(fresh.content);
    if (known && this.element.closest("main")) document.querySelector(".toast.tone-green")?.remove(); // it is old now
    start(this.element);
    reveal(this.element);
    if (focused) this.focusOn(words);
    this.nameTab();
  }

  // The same control where it is still there, else the new words themselves: the keyboard is never thrown to the top.
  focusOn(words) {
    const controls = [...this.element.querySelectorAll("a, button, summary")];
    const same = controls.find((control) => control.textContent === words);
    (same ?? this.element.querySelector("[tabindex]") ?? controls[0])?.focus({ preventScroll: true });
  }

  nameTab() {
    const title = this.element.querySelector(".answer__title")?.textContent;
    if (title) document.title = [title, ...document.title.split(" · ").slice(1)].join(" · ");
  }
}

document.querySelectorAll("[data-live-part]").forEach((element) => new LivePart(element));
