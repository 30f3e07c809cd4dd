// Dropping files, sending them at once, and the profile of a bead. Without it the form works as forms do.

import { color, layout, loadPlotly } from "/static/chart.js";
import { takeDrops } from "/static/drop.js";

const AXES = ["distance from the centre, bead radii", "over background"];

const form = document.getElementById("form");
const drop = document.getElementById("drop");

if (form && drop) {
  const files = document.getElementById("files");
  takeDrops(drop, files, () => form.requestSubmit());
  files.addEventListener("change", () => {
    if (files.files.length) form.requestSubmit();
  });
}

function traces(told, bead) {
  const r = told.radius_radii;
  const own = {
    x: r, y: bead.profile, mode: "lines", name: "this bead",
    line: { color: color(bead.used ? "--used" : "--out"), width: 3, dash: bead.used ? "solid" : "dash" },
  };
  if (!told.pooled.length) return [own];
  const lower = told.pooled.map((v, k) => v - 2 * told.pooled_sd[k]);
  const upper = told.pooled.map((v, k) => v + 2 * told.pooled_sd[k]);
  const band = {
    x: [...r, ...[...r].reverse()], y: [...upper, ...lower.reverse()], fill: "toself", mode: "none",
    fillcolor: color("--band"), name: "beads of the training, 2 sd", hoverinfo: "skip",
  };
  const pooled = {
    x: r, y: told.pooled, mode: "lines", name: "pooled stack at this dZ",
    line: { color: color("--soft"), width: 2, dash: "dot" },
  };
  return [band, pooled, own];
}

async function choose(group) {
  const result = group.closest(".result");
  for (const other of result.querySelectorAll(".bead")) other.setAttribute("aria-pressed", other === group);
  const { result: name, image } = result.dataset;
  result.told ??= fetch(`/results/${name}/${image}/profiles.json`).then((answer) => answer.json());
  const [told, Plotly] = await Promise.all([result.told, loadPlotly()]);
  const figure = result.querySelector(".profile");
  figure.hidden = false;
  const bead = told.beads[Number(group.dataset.bead)];
  const options = { displayModeBar: false, responsive: true, staticPlot: true };
  await Plotly.react(figure.querySelector(".chart"), traces(told, bead), layout(...AXES), options);
  result.querySelector("#profile-says").textContent = `Radial profile of ${group.querySelector("title").textContent}`;
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
