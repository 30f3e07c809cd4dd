// Interactive control chart; progress of the daily check. Without this script: a picture and a plain form.

import { color, layout, loadPlotly } from "/static/chart.js";

const LABEL_PX = 14, CHROME_PX = 90; // height of a label; legend and axis of dates
const REACH_SD = 3.6, FAR_SD = 6, TOLERANCE_SD = 12, LANE = 0.055, ROW = 0.05, MAX_NOTES = 12, WARNING = "1_2s";
const figure = document.querySelector(".history-chart");

const check = document.getElementById("check-form");
if (check) {
  const busy = check.querySelector(".check-busy");
  const ready = () => { busy.hidden = true; };
  check.addEventListener("submit", () => { busy.hidden = false; });
  check.addEventListener("problem", ready);
  window.addEventListener("pageshow", ready); // after the back button
}

const minutes = (time) => time.slice(0, 16).replace("T", " ");
const wall = (time) => time.replace(/(Z|[+-]\d\d:\d\d(:\d\d)?)$/, ""); // the chart's own zone
const unitOf = (chart) => (/\((.*)\)$/.exec(chart.label)?.[1] ?? "").replace(/\bum\b/, "µm");
const digits = (value) => (Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3));

function escaped(text) { // plotly reads a little HTML in its texts
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function short(text, maxLength) {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}

function rangeOf(chart) {
  const values = chart.points.filter((p) => p.value !== null).map((p) => p.value);
  const tolerance = chart.tolerance_um === null ? [] : [-chart.tolerance_um, chart.tolerance_um];
  const low = values.length ? Math.min(...values) : 0, high = values.length ? Math.max(...values) : 1;
  if (!chart.baseline) {
    const ends = [Math.min(low, ...tolerance), Math.max(high, ...tolerance)];
    const air = 0.12 * (ends[1] - ends[0]) || Math.abs(high) || 1;
    return [ends[0] - 1.6 * air, ends[1] + air];
  }
  const { mean, sd } = chart.baseline;
  const reach = (side) => {
    const z = (value) => side * (value - mean) / sd;
    const near = Math.max(0, ...tolerance.map(z).filter((one) => one <= TOLERANCE_SD));
    return Math.max(REACH_SD, 1.12 * Math.min(z(side > 0 ? high : low), Math.max(FAR_SD, 1.6 * near)), 1.12 * near);
  };
  const below = reach(-1) + (chart.n_refused ? 0.7 : 0); // room for refused images
  return [mean - below * sd, mean + reach(1) * sd];
}

const DAY_MS = 24 * 3600 * 1000, MAX_DATES = 6, PHONE_PX = 500;

function spanOf({ points }) { // a single value has no span
  const times = [points[0], points.at(-1)].map((p) => Date.parse(`${wall(p.time)}Z`));
  const air = Math.max(0.03 * (times[1] - times[0]), times[1] - times[0] < DAY_MS ? DAY_MS / 2 : 0);
  return [times[0] - air, times[1] + air].map((ms) => new Date(ms).toISOString().slice(0, 19));
}

const isPhone = () => figure.clientWidth < PHONE_PX;

// Dates in full; of few days with hours, since two ticks could be of one date. A phone has room for two.
function dates(chart) {
  const [start, stop] = spanOf(chart).map((time) => Date.parse(`${time}Z`));
  const whole = { tickangle: 0, tickformat: stop - start < MAX_DATES * DAY_MS ? "%Y-%m-%d<br>%H:%M" : "%Y-%m-%d" };
  const ends = [chart.points[0], chart.points.at(-1)].map((p) => wall(p.time));
  return isPhone() ? { ...whole, tickvals: ends } : { ...whole, nticks: MAX_DATES };
}

const FAIL = "fail: outside the tolerance";

function hover(chart, point) {
  const unit = unitOf(chart);
  const value = point.refused ? "refused" : `${digits(point.value)} ${unit}`;
  const u = point.u === null ? "" : ` ± ${digits(point.u)} (u)`;
  const rules = point.rules.map((rule) => `<br>${rule}: ${short(chart.rules.find((one) => one.rule === rule).meaning, 60)}`);
  const fail = point.state === "outside_tolerance" ? `<br><b>${FAIL}</b>` : "";
  const verdict = point.verdict ? `<br>verdict ${point.verdict}` : "";
  return `${value}${u}${fail}<br>${minutes(point.time)}<br>${escaped(short(point.image, 50))}${verdict}${rules.join("")}`;
}

const hasMany = (chart) => chart.points.length > 400;

function marks(chart, range) {
  const looks = [
    { states: ["within_limits", "no_limits"], name: "value", color: color("--used"), symbol: "circle", size: 7 },
    { states: ["warning"], name: "warning", color: color("--out"), symbol: "circle-open", size: 11 },
    { states: ["rejected"], name: "out of control", color: color("--out"), symbol: "diamond", size: 11 },
    { states: ["outside_tolerance"], name: FAIL, color: color("--bad"), symbol: "x", size: 11 },
  ];
  const [low, high] = range;
  const many = hasMany(chart);
  const isInside = (p) => p.value !== null && p.value <= high && p.value >= low;
  return looks.map((look) => {
    const points = chart.points.filter((p) => look.states.includes(p.state) && isInside(p));
    return {
      x: points.map((p) => wall(p.time)), y: points.map((p) => p.value),
      error_y: { type: "data", array: points.map((p) => p.u ?? 0), color: look.color, thickness: many ? 0.6 : 1.2, width: 0 },
      mode: "markers", name: look.name,
      marker: { color: look.color, size: many ? 0.6 * look.size : look.size, symbol: look.symbol, line: { width: many ? 1 : 2, color: look.color } },
      hovertext: points.map((p) => hover(chart, p)), hoverinfo: "text",
      showlegend: points.length > 0, cliponaxis: true,
    };
  });
}

// Values beyond the scale, on its edge, as triangles that point towards them.
function beyond(chart, range) {
  const [low, high] = range, air = 0.03 * (high - low), tint = color("--bad");
  const all = chart.points.filter((p) => p.value !== null && (p.value > high || p.value < low));
  const isFail = (p) => p.state === "outside_tolerance";
  return [[`${FAIL}, beyond the scale`, all.filter(isFail)], ["beyond the scale", all.filter((p) => !isFail(p))]].map(([name, points]) => ({
    x: points.map((p) => wall(p.time)), y: points.map((p) => (p.value > high ? high - air : low + air)), mode: "markers",
    marker: { color: tint, size: 11, symbol: points.map((p) => (p.value > high ? "triangle-up" : "triangle-down")) },
    hovertext: points.map((p) => hover(chart, p)), hoverinfo: "text", name, showlegend: points.length > 0,
  }));
}

// Entry of the tolerance in the legend.
function toleranceKey({ tolerance_um: limit }) {
  const line = { color: color("--good"), width: 3 };
  return { x: [null], y: [null], mode: "lines", line, name: `tolerance ±${limit} µm`, showlegend: limit !== null };
}

function refused(chart, range) {
  const points = chart.points.filter((p) => p.refused);
  const y = range[0] + 0.035 * (range[1] - range[0]);
  return {
    x: points.map((p) => wall(p.time)), y: points.map(() => y), mode: "markers", name: "refused",
    marker: { color: color("--soft"), size: 10, symbol: "triangle-up-open", line: { width: hasMany(chart) ? 0.5 : 2 } },
    hovertext: points.map((p) => hover(chart, p)), hoverinfo: "text", showlegend: points.length > 0,
  };
}

// A row for each rule that fired, with a mark under each value where it did.
function lane(chart, rule) {
  const points = chart.points.filter((p) => p.rules.includes(rule));
  const tint = color(rule === WARNING ? "--soft" : "--out");
  return {
    x: points.map((p) => wall(p.time)), y: points.map(() => rule), yaxis: "y2", mode: "markers",
    marker: { symbol: "line-ns-open", size: 11, color: tint, line: { width: 2, color: tint } },
    hovertext: points.map((p) => hover(chart, p)), hoverinfo: "text", showlegend: false,
  };
}

function lines(chart) {
  const dashes = { 0: "solid", 1: "dot", 2: "dash", 3: "solid" };
  const limits = chart.limits.map(({ n_sd: n, value }) => ({
    type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value, layer: "below",
    line: { color: color(n ? "--soft" : "--ink"), width: Math.abs(n) === 3 ? 1.6 : 1.1, dash: dashes[Math.abs(n)] },
  }));
  const notes = chart.annotations.map(({ time }) => ({
    type: "line", yref: "paper", y0: 0, y1: 1, x0: wall(time), x1: wall(time),
    line: { color: color("--ink"), width: 1.2, dash: "longdash" },
  }));
  return [...period(chart), ...tolerance(chart), ...limits, ...notes];
}

function tolerance({ tolerance_um: limit }) {
  if (limit === null) return [];
  const tint = color("--good"), across = { xref: "paper", x0: 0, x1: 1, layer: "below" };
  const edges = [-limit, limit].map((y) => ({ type: "line", ...across, y0: y, y1: y, line: { color: tint, width: 2 } }));
  return [{ type: "rect", ...across, y0: -limit, y1: limit, line: { width: 0 }, fillcolor: tint, opacity: 0.12 }, ...edges];
}

// Reference period of the limits, clipped to the displayed time.
function period({ baseline, points }) {
  if (!baseline) return [];
  const ends = [baseline.since, baseline.until].map(Date.parse);
  const inside = points.filter((p) => Date.parse(p.time) >= ends[0] && Date.parse(p.time) < ends[1]);
  if (!inside.length) return [];
  return [{
    type: "rect", yref: "y domain", y0: 0, y1: 1, layer: "below", line: { width: 0 }, fillcolor: color("--band"),
    x0: wall(inside[0].time), x1: wall(inside.at(-1).time), opacity: 0.5,
  }];
}

// Limits whose labels do not overlap, at least `gap` apart: the mean first, then the outer ones.
function readable(limits, gap) {
  const kept = [];
  for (const n of [0, 3, -3, 2, -2, 1, -1]) {
    const one = limits.find((limit) => limit.n_sd === n);
    if (one && kept.every((other) => Math.abs(other.value - one.value) >= gap)) kept.push(one);
  }
  return kept;
}

function words(chart, gap) {
  const font = { size: 12, color: color("--soft") };
  const limits = readable(chart.limits, gap).map(({ n_sd: n, value }) => ({
    xref: "paper", x: 1.005, xanchor: "left", y: value, showarrow: false, font,
    text: n ? `${n > 0 ? "+" : "−"}${Math.abs(n)} sd` : "mean",
  }));
  const notes = chart.annotations.slice(-MAX_NOTES).map(({ time, text }, k) => ({
    x: wall(time), yref: "paper", y: 1 + ROW * (k % 2), yanchor: "bottom", xanchor: "center", showarrow: false,
    text: escaped(short(text, 24)), hovertext: escaped(text), font: { size: 12, color: color("--ink") },
  }));
  return [...limits, ...notes];
}

async function draw(chart) {
  const Plotly = await loadPlotly();
  const range = rangeOf(chart);
  const base = layout("", chart.label.replace(/\bum\b/, "µm"));
  const rules = chart.rules.filter((one) => one.n).map((one) => one.rule).reverse();
  const phone = isPhone();
  const foot = rules.length ? (phone ? 1.4 : 1) * LANE * rules.length + 0.03 : 0;
  const gap = LABEL_PX * (range[1] - range[0]) / ((1 - foot) * (figure.clientHeight - CHROME_PX));
  const look = {
    ...base,
    margin: { ...base.margin, r: chart.limits.length || phone ? 56 : 16, b: 36 },
    xaxis: { ...base.xaxis, type: "date", range: spanOf(chart), ...dates(chart), showgrid: false, anchor: rules.length ? "y2" : "y" },
    yaxis: { ...base.yaxis, range, showgrid: !chart.limits.length, domain: [foot, 1] },
    yaxis2: {
      ...base.yaxis, title: { text: "" }, type: "category", categoryarray: rules, tickmode: "array", tickvals: rules, visible: rules.length > 0,
      range: [-0.6, rules.length - 0.4], domain: [0, Math.max(foot - 0.03, 0.01)], fixedrange: true, tickfont: { size: 12 },
    },
    hovermode: "closest", dragmode: "zoom",
    hoverlabel: { bgcolor: color("--panel"), bordercolor: color("--soft"), font: { color: color("--ink"), size: 14 }, align: "left" },
    legend: { ...base.legend, y: 1.02 + ROW * Math.min(chart.annotations.length, 2) }, // above the text of the notes
    shapes: lines(chart), annotations: words(chart, gap),
  };
  await Plotly.react(figure, [...marks(chart, range), ...beyond(chart, range), refused(chart, range), toleranceKey(chart), ...rules.map((rule) => lane(chart, rule))], look, { displayModeBar: false, responsive: true });
}

function fallBack() {
  const picture = document.createElement("img");
  picture.className = "control";
  picture.src = figure.dataset.picture;
  picture.alt = figure.getAttribute("aria-label");
  figure.replaceWith(picture);
}

async function show() {
  const chart = JSON.parse(document.getElementById("chart-data").textContent);
  await draw(chart);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(chart));
}

if (figure) show().catch(fallBack);
