// Chosen and dropped files are listed, and sent by the button alone; a selected bead shows its profile. Without this
// script the form works as a plain form.

import { color, layout, loadPlotly } from "/static/chart.js";
import { takeDrops } from "/static/drop.js";

const MAX_NAMES = 3, POLL_MS = 1000;
const AXES = ["distance, bead radii", "intensity / background"];

const form = document.getElementById("form");
const drop = document.getElementById("drop");

if (form && drop) {
  const files = document.getElementById("files");
  takeDrops(drop, files, () => showChosen(files));
  files.addEventListener("change", () => showChosen(files));
  // The button sends each choice once: an estimate empties the field, a problem keeps it.
  let following = null;
  form.addEventListener("htmx:configRequest", (event) => {
    const name = Math.random().toString(36).slice(2);
    event.detail.parameters.progress = name;
    following = followProgress(name);
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    clearInterval(following);
    if (!event.detail.xhr || event.detail.xhr.status >= 400 || event.detail.xhr.status === 0) return;
    files.value = "";
    showChosen(files);
  });
  showChosen(files); // a browser restores the field after a reload
}

// Time and number of images while the beads are measured.
function followProgress(name) {
  const text = document.querySelector(".busy-text");
  const start = Date.now();
  const show = async () => {
    let progress = { total: 0 };
    try {
      progress = await (await fetch(`/estimate/progress?name=${name}`)).json();
    } catch { /* the next request may succeed */ }
    const count = progress.total > 1 ? `, image ${Math.min(progress.done + 1, progress.total)} of ${progress.total}` : "";
    text.textContent = `Measuring the beads${count}, ${Math.round((Date.now() - start) / 1000)} s`;
  };
  return setInterval(show, POLL_MS);
}

function showChosen(field) {
  const names = [...field.files].map((file) => file.name);
  const text = document.getElementById("chosen");
  text.hidden = !names.length;
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  text.textContent = names.length ? `Chosen: ${names.slice(0, MAX_NAMES).join(", ")}${more}. Press “Estimate”.` : "";
}

function traces(profiles, bead) {
  const r = profiles.radius_radii;
  const own = {
    x: r, y: bead.profile, mode: "lines", name: "this bead",
    line: { color: color(bead.used ? "--used" : "--out"), width: 2.5, dash: bead.used ? "solid" : "dash" },
  };
  if (!profiles.pooled.length) return [own];
  const lower = profiles.pooled.map((v, k) => v - 2 * profiles.pooled_sd[k]);
  const upper = profiles.pooled.map((v, k) => v + 2 * profiles.pooled_sd[k]);
  const band = {
    x: [...r, ...[...r].reverse()], y: [...upper, ...lower.reverse()], fill: "toself", mode: "lines",
    line: { color: color("--soft"), width: 1 }, fillcolor: color("--band"),
    name: "training beads, ±2 sd", hoverinfo: "skip",
  };
  const pooled = {
    x: r, y: profiles.pooled, mode: "lines", name: "pooled stack at this dZ",
    line: { color: color("--soft"), width: 2, dash: "dot" },
  };
  return [band, pooled, own];
}

async function choose(group) {
  const result = group.closest(".result");
  for (const other of result.querySelectorAll(".bead")) other.setAttribute("aria-pressed", other === group);
  const { result: name, image } = result.dataset;
  result.profiles ??= fetch(`/results/${name}/${image}/profiles.json`).then((answer) => answer.json());
  const [profiles, Plotly] = await Promise.all([result.profiles, loadPlotly()]);
  const figure = result.querySelector(".profile");
  figure.hidden = false;
  const bead = profiles.beads[Number(group.dataset.bead)];
  const options = { displayModeBar: false, responsive: true, staticPlot: true };
  await Plotly.react(figure.querySelector(".chart"), traces(profiles, bead), layout(...AXES), options);
  result.querySelector("#profile-text").textContent = `Radial profile of ${group.querySelector("title").textContent}`;
}

function beadOf(event) {
  return event.target instanceof Element ? event.target.closest(".bead") : null;
}

document.addEventListener("click", (event) => {
  const group = beadOf(event);
  if (group) choose(group);
});
document.addEventListener("keydown", (event) => {
  const group = beadOf(event);
  if (group && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    choose(group);
  }
});

function showFirst() {
  const group = document.querySelector(".bead.used");
  if (group) choose(group);
}
document.addEventListener("htmx:afterSettle", () => {
  form?.classList.remove("empty");
  document.querySelector("h1")?.classList.add("visually-hidden");
  document.querySelector(".after")?.remove();
  showFirst();
});
showFirst();
