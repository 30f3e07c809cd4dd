// A job as it goes: its progress, its learning curves, and its end. Without it the page loads itself anew.

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
  document.getElementById("told").textContent = progress.told;
}

// The server has the words; what it says of the job replaces what stands here, the curves stay.
async function refresh() {
  const answer = await fetch(location.pathname);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const told = page.getElementById("job");
  if (!told) return;
  section.dataset.state = told.dataset.state;
  section.replaceChildren(...told.childNodes);
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
    document.removeEventListener("visibilitychange", whileSeen);
    events.close();
    leave(JSON.parse(event.data));
  });
}

// A browser holds six connections to a server: pages in the background must not take them all.
function whileSeen() {
  events?.close();
  events = null;
  if (!document.hidden) listen();
}

if (section && !ENDED.includes(section.dataset.state)) {
  document.addEventListener("visibilitychange", whileSeen);
  whileSeen();
}
