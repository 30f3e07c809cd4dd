// Upload of a sweep with its progress, choice of folder or file, and the chart that compares planes.

import { color, layout, loadPlotly } from "/static/chart.js";
import { takeDrops } from "/static/drop.js";

const form = document.getElementById("define");
const MEGABYTE = 1e6;

function choose() {
  const files = document.getElementById("files");
  const drop = document.getElementById("drop");
  takeDrops(drop, files, () => files.dispatchEvent(new Event("change", { bubbles: true })));
  form.addEventListener("change", (event) => {
    if (event.target === files && files.files.length) {
      for (const radio of form.querySelectorAll('input[name="path"]')) radio.checked = false;
    } else if (event.target.name === "path") files.value = "";
    else if (event.target.id === "instrument" && event.target.value === "other") {
      document.getElementById("more").open = true;
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (form.querySelector('input[name="path"]:checked')) files.value = "";
  });
}

function showSent(event) {
  const bar = document.getElementById("sent");
  const text = document.getElementById("sent-text");
  if (!event.lengthComputable) return;
  bar.max = event.total;
  bar.value = event.loaded;
  const [sent, all] = [event.loaded, event.total].map((bytes) => (bytes / MEGABYTE).toFixed(0));
  text.textContent = event.loaded < event.total ? `sending, ${sent} of ${all} MB` : "checking the upload";
}

function showProblem(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const problem = page.querySelector(".problem");
  const place = document.getElementById("define-problem");
  if (problem) place.replaceChildren(problem);
  else place.textContent = "The server could not be reached; send the sweep again.";
  place.scrollIntoView({ block: "nearest" });
}

function send(event) {
  event.preventDefault();
  const button = form.querySelector('button[type="submit"]');
  const sending = document.getElementById("sending");
  const request = new XMLHttpRequest();
  const end = (text) => {
    button.disabled = false;
    sending.hidden = true;
    showProblem(text);
  };
  request.upload.addEventListener("progress", showSent);
  request.addEventListener("error", () => end(""));
  request.addEventListener("load", () => {
    if (request.status < 400) location.assign(request.responseURL);
    else end(request.responseText);
  });
  button.disabled = true;
  sending.hidden = false;
  document.getElementById("define-problem").replaceChildren();
  request.open("POST", form.action);
  request.send(new FormData(form));
}

if (form) {
  choose();
  form.addEventListener("submit", send);
}

const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "star"];
const LETTER_PX = 7.6;
const LIGHT = ["#31688e", "#1f7a5c", "#8a6d00", "#a8431c", "#7a3f8f", "#4a4a4a"];
const DARK = ["#7cc4f5", "#6fd6a8", "#f1d35f", "#ffab7f", "#d7a3ea", "#d0d4d8"];

function nameOf(p) {
  return `${p.dataset}<br>exp ${p.experiment}, field ${p.fov}`;
}

function trace(points, exposure, k) {
  const own = points.filter((point) => point.exposure_ms === exposure);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const tint = (dark ? DARK : LIGHT)[k % LIGHT.length];
  return {
    x: [
      own.map((p) => p.instrument),
      own.map(nameOf),
    ],
    y: own.map((p) => p.relative_um),
    error_y: {
      type: "data", symmetric: false, color: tint, thickness: 2, width: 6,
      array: own.map((p) => p.upper_um - p.refp_um),
      arrayminus: own.map((p) => p.refp_um - p.lower_um),
    },
    text: own.map((p) => `${p.title}<br>REFP ${p.refp_um.toFixed(2)} ± ${((p.upper_um - p.lower_um) / 2).toFixed(2)} µm`),
    hovertemplate: "%{text}<extra>%{fullData.name}</extra>",
    mode: "markers", name: `${exposure} ms`,
    marker: { symbol: SYMBOLS[k % SYMBOLS.length], size: 11, color: tint },
  };
}

async function drawComparison(place) {
  const points = JSON.parse(place.dataset.points);
  const exposures = [...new Set(points.map((point) => point.exposure_ms))].sort((a, b) => a - b);
  const Plotly = await loadPlotly();
  const look = layout("", "REFP minus mean, µm");
  const labels = new Set(points.map((p) => `${p.instrument}/${nameOf(p)}`));
  const longest = Math.max(...points.flatMap((p) => nameOf(p).split("<br>")).map((line) => line.length));
  const upright = labels.size * longest * LETTER_PX > place.clientWidth - 80;
  place.classList.toggle("taller", upright);
  look.xaxis = { ...look.xaxis, automargin: true, tickangle: upright ? 90 : 0, dividercolor: color("--line") };
  look.yaxis = { ...look.yaxis, zeroline: true, zerolinecolor: color("--soft") };
  look.scattermode = "group";
  look.showlegend = true;
  const traces = exposures.map((exposure, k) => trace(points, exposure, k));
  await Plotly.newPlot(place, traces, look, { displayModeBar: false, responsive: true });
}

const place = document.getElementById("compare");
if (place) drawComparison(place);
