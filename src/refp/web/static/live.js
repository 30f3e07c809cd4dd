// The newest estimate without reloading the page. Without this script the page reloads itself.

const section = document.getElementById("live");
const lost = document.getElementById("lost");
const SECOND_MS = 1000, MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400;

function describeAge(seconds) {
  if (seconds < MINUTE_S) return "just now";
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min ago`;
  if (seconds < DAY_S) return `${Math.floor(seconds / HOUR_S)} h ago`;
  return `${Math.floor(seconds / DAY_S)} d ago`;
}

function showAge() {
  const time = section.querySelector("time");
  if (!time) return;
  const seconds = (Date.now() - Date.parse(time.dateTime)) / SECOND_MS;
  section.querySelector(".age").textContent = `(${describeAge(Math.max(seconds, 0))})`;
}

// Replace the section by that of the server.
async function refresh() {
  const response = await fetch(location.href);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const updated = page.getElementById("live");
  if (!updated) return;
  section.dataset.newest = updated.dataset.newest;
  section.replaceChildren(...updated.childNodes);
  document.title = page.title;
  showAge();
}

let events = null;
function listen() {
  const instrument = new URLSearchParams(location.search).get("instrument") ?? "";
  events = new EventSource(`/live/events?${new URLSearchParams({ instrument })}`);
  events.addEventListener("newest", (event) => {
    lost.hidden = true;
    if (event.data !== section.dataset.newest) refresh();
  });
  events.addEventListener("open", () => { lost.hidden = true; });
  events.addEventListener("error", () => { lost.hidden = false; });
}

// A browser opens at most six connections to a server: pages in the background close theirs.
function listenWhileVisible() {
  events?.close();
  events = null;
  if (!document.hidden) listen();
}

if (section) {
  showAge();
  setInterval(showAge, 5 * SECOND_MS);
  document.addEventListener("visibilitychange", listenWhileVisible);
  window.addEventListener("pagehide", () => events?.close());
  listenWhileVisible();
}
