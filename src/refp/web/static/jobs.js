// Progress, learning curves and end of a job. Without this script the page reloads itself.

const section = document.getElementById("job");
const figure = document.getElementById("curves");
const ENDED = ["done", "failed", "cancelled"];
const curves = new Map();

function show(job) {
  if (job.state !== section.dataset.state) {
    section.dataset.state = job.state;
    refresh();
    return;
  }
  const progress = job.progress;
  const bar = document.getElementById("bar");
  if (!progress || !bar) return;
  if (progress.total) {
    bar.max = progress.total;
    bar.value = progress.done;
  }
  document.getElementById("progress").textContent = progress.told;
}

// Replace the job section by that of the server; keep the curves.
async function refresh() {
  const response = await fetch(location.pathname);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const updated = page.getElementById("job");
  if (!updated) return;
  section.dataset.state = updated.dataset.state;
  section.replaceChildren(...updated.childNodes);
}

function leave(job) {
  if (job.state !== "done") return refresh();
  return location.replace(`/jobs/${job.id}?result=1`);
}

async function draw(curve) {
  curves.set(`${curve.fit} ${curve.split}`, curve);
  try {
    const learning = await import("/static/learning.js");
    figure.hidden = false;
    await learning.draw(figure, [...curves.values()]);
  } catch {
    figure.hidden = true;
  }
}

let events = null;
function listen() {
  events = new EventSource(`/api/v1/jobs/${section.dataset.job}/events`);
  events.addEventListener("progress", (event) => show(JSON.parse(event.data)));
  events.addEventListener("curve", (event) => draw(JSON.parse(event.data)));
  events.addEventListener("end", (event) => {
    document.removeEventListener("visibilitychange", listenWhileVisible);
    events.close();
    leave(JSON.parse(event.data));
  });
}

// A browser opens at most six connections to a server: pages in the background close theirs.
function listenWhileVisible() {
  events?.close();
  events = null;
  if (!document.hidden) listen();
}

if (section && !ENDED.includes(section.dataset.state)) {
  document.addEventListener("visibilitychange", listenWhileVisible);
  listenWhileVisible();
}
