// Choice of folder or file, and the chart that compares planes.

import { color, layout, loadPlotly } from "/static/chart.js";
import { takeDrops } from "/static/drop.js";

const form = document.getElementById("define");

function choose() {
  const files = document.getElementById("files");
  const drop = document.getElementById("drop");
  takeDrops(drop, files, () => files.dispatchEvent(new Event("change", { bubbles: true })));
  form.addEventListener("change", (event) => {
    if (event.target === files && files.files.length) {
      for (const radio of form.querySelectorAll('input[name="path"], input[name="again"]')) radio.checked = false;
    } else if (event.target.name === "path") {
      files.value = "";
      for (const radio of form.querySelectorAll('input[name="again"]')) radio.checked = false;
    } else if (event.target.id === "instrument" && event.target.value === "other") {
      document.getElementById("more").open = true;
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (form.querySelector('input[name="path"]:checked')) files.value = "";
  });
}

if (form) choose();

const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "star"];
const LETTER_PX = 7.6;
const LIGHT = ["#31688e", "#1f7a5c", "#8a6d00", "#a8431c", "#7a3f8f", "#4a4a4a"];
const DARK = ["#7cc4f5", "#6fd6a8", "#f1d35f", "#ffab7f", "#d7a3ea", "#d0d4d8"];

function nameOf(p) {
  return `${p.dataset}<br>exp ${p.experiment}, field ${p.fov}`;
}

function labelOf(exposure) {
  return exposure === null ? "exposure not known" : `${exposure} ms`;
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
    mode: "markers", name: labelOf(exposure),
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

const FEATURES = [["ss", "SS", "solid"], ["ci", "CI", "dot"]];

// A feature relative to its range over all exposures, so that both fit one axis.
function scaleOf(curves, feature) {
  const values = curves.flatMap((curve) => curve[feature]).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return (value) => (value === null ? null : (value - low) / (high - low || 1));
}

function curveTraces(curves) {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return FEATURES.flatMap(([feature, label, dash], j) => {
    const scaled = scaleOf(curves, feature);
    return curves.flatMap((curve, k) => {
      const tint = (dark ? DARK : LIGHT)[k % LIGHT.length];
      const name = `${label}, ${labelOf(curve.exposure_ms)}`;
      const marks = curve.z_um.map((_, i) => `${SYMBOLS[j]}${curve.saturated[i] ? "-open" : ""}`);
      const fit = { x: curve.z_um, y: curve[`${feature}_fitted`].map(scaled), mode: "lines", line: { color: tint, width: 1.6, dash, shape: "spline", smoothing: 0.6 }, hoverinfo: "skip", legendgroup: name, showlegend: false };
      const points = {
        x: curve.z_um, y: curve[feature].map(scaled), mode: "markers", name, legendgroup: name,
        marker: { color: tint, size: curves[0].z_um.length > 40 ? 5 : 7, symbol: marks, line: { width: 1.2, color: tint } },
        hovertemplate: "%{x:.1f} µm<extra>%{fullData.name}</extra>",
      };
      return [fit, points];
    });
  });
}

async function drawCurves(place, all) {
  const curves = all[place.dataset.field];
  if (!curves) return;
  const Plotly = await loadPlotly();
  const look = layout("Z corrected for the stage, µm", "fraction of its range");
  const refp = Number(place.dataset.refp);
  if (place.dataset.refp) {
    const half = Number(place.dataset.half);
    const span = { yref: "paper", y0: 0, y1: 1, layer: "below" };
    look.shapes = [
      { ...span, type: "rect", x0: refp - half, x1: refp + half, fillcolor: color("--band"), line: { width: 0 } },
      { ...span, type: "line", x0: refp, x1: refp, line: { color: color("--ink"), width: 2 } },
    ];
  }
  look.showlegend = true;
  await Plotly.react(place, curveTraces(curves), look, { displayModeBar: false, responsive: true });
}

async function drawAllCurves(places) {
  const answer = await fetch(places[0].dataset.curves);
  if (!answer.ok) return;
  const all = await answer.json();
  for (const one of places) await drawCurves(one, all);
}

const places = [...document.querySelectorAll(".chart.curves")];
if (places.length) {
  drawAllCurves(places);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAllCurves(places));
}
