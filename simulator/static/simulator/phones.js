// Keeps the handsets as the server says they are. The stream names the numbers that changed; what a handset looks
// like is always fetched, so that one place turns its state into words. Without a stream: every 3 s.

const handsets = document.querySelector('#handsets');
const said = document.querySelector('#said');
const link = document.querySelector('#link');
const only = handsets.dataset.only.split(' ').filter(Boolean);
const title = document.title;
const shown = () => [...handsets.querySelectorAll('.handset')];
let polling = null;

function prepare(handset) {
  const pad = handset.querySelector('.pad');
  if (pad) {
    pad.hidden = false;
    handset.querySelector('.dots').inputMode = 'none';
  }
  const left = handset.querySelector('[data-left]');
  if (left) left.deadline = performance.now() + 1000 * Number(left.dataset.left);
}

function announce(before, after) {
  const who = after.dataset.spoken;
  if (after.dataset.prompt && after.dataset.prompt !== before?.dataset.prompt) {
    said.textContent = `Request on ${who}. ${after.querySelector('.ask').textContent}`;
    after.classList.add('arrives');
  } else if (after.dataset.sms !== before?.dataset.sms && after.querySelector('.inbox li')) {
    said.textContent = `Message on ${who}. ${after.querySelector('.inbox li').textContent}`;
    after.classList.add('reads');
  }
}

function show(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  const after = template.content.querySelector('.handset');
  const before = document.getElementById(after.id);
  if (before && before.dataset.version === after.dataset.version) return before;
  prepare(after);
  announce(before, after);
  if (!before) handsets.prepend(after);
  else if (before.dataset.prompt && before.dataset.prompt === after.dataset.prompt) {
    // A half-typed PIN survives an SMS.
    for (const part of ['.inbox', '.owner']) before.querySelector(part).replaceWith(after.querySelector(part));
    Object.assign(before.dataset, after.dataset);
  } else before.replaceWith(after);
  // A request comes to the top, where a small screen shows it, unless somebody is busy further down.
  if (after.dataset.prompt && after.isConnected && !handsets.contains(document.activeElement)) handsets.prepend(after);
  handsets.querySelector('.none').hidden = true;
  count();
  return document.getElementById(after.id);
}

function count() {
  const open = shown().filter((handset) => handset.dataset.prompt).length;
  document.title = open ? `(${open}) ${title}` : title;
}

async function refresh(number) {
  if (only.length && !only.includes(number)) return;
  const response = await fetch(`/handset/${number}`);
  if (response.status === 200) show(await response.text());
  else if (response.status === 204) document.getElementById(`p${number}`)?.remove();
}

async function refreshAll() {
  try {
    const known = only.length ? only : await (await fetch('/shown')).json();
    const numbers = new Set([...known, ...shown().map((handset) => handset.dataset.phone)]);
    await Promise.all([...numbers].map(refresh));
    return true;
  } catch {
    return false;
  }
}

function lost() {
  link.textContent = 'Connection lost. Trying again…';
  link.hidden = false;
  polling ??= setInterval(async () => { link.hidden = await refreshAll(); }, 3000);
}

function found() {
  link.hidden = true;
  clearInterval(polling);
  polling = null;
  refreshAll();
}

function listen() {
  const stream = new EventSource('/events');
  stream.addEventListener('message', (event) => {
    const numbers = JSON.parse(event.data);
    // An empty list: at the start, when something may have been missed, and now and then.
    if (numbers.length) numbers.forEach((number) => refresh(number).catch(lost));
    else found();
  });
  stream.addEventListener('error', () => {
    lost();
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

handsets.addEventListener('click', (event) => {
  const key = event.target.closest('[data-key]')?.dataset.key;
  if (!key) return;
  const input = event.target.closest('form').elements.pin;
  if (key === 'back') input.value = input.value.slice(0, -1);
  else if (key === 'clear') input.value = '';
  else if (input.value.length < 4) input.value += key;
});

handsets.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const body = new URLSearchParams(new FormData(form));
  const handset = form.closest('.handset');
  form.reset();
  for (const button of handset.querySelectorAll('button')) button.disabled = true;
  try {
    const response = await fetch(form.getAttribute('action'), { method: 'POST', body, headers: { 'X-Part': '1' } });
    const after = show(await response.text());
    for (const button of after.querySelectorAll('button')) button.disabled = false;
    after.querySelector('h2').focus({ preventScroll: true });
  } catch {
    for (const button of handset.querySelectorAll('button')) button.disabled = false;
    lost();
  }
});

function tick() {
  const time = new Date().toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'Africa/Nairobi' });
  for (const clock of document.querySelectorAll('.clock')) if (clock.textContent !== time) clock.textContent = time;
  for (const left of document.querySelectorAll('[data-left]')) {
    const seconds = Math.max(0, (left.deadline - performance.now()) / 1000);
    const words = `${Math.ceil(seconds)} s`;
    if (left.textContent !== words) left.textContent = words;
    left.closest('form').querySelector('progress').value = seconds;
  }
}

shown().forEach(prepare);
count();
setInterval(tick, 250);
tick();
listen();
