// Learning curves of a training: held-out errors solid, training errors dotted, one color per fit.

import { color, layout, loadPlotly } from "/static/chart.js";

const PALETTE = ["--fit-1", "--fit-2", "--fit-3", "--fit-4", "--fit-5", "--fit-6", "--fit-7"];
const AXES = ["step", "RMS error, µm"];
const TICKS = [-3, -2, -1, 0, 1, 2, 3, 4].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
const OPTIONS = { displayModeBar: false, responsive: true };

function line(curve, values, name, number, held) {
  return {
    x: curve.step, y: values, name, mode: curve.step.length > 1 ? "lines" : "markers", legendgroup: curve.fit, connectgaps: true,
    line: { color: color(PALETTE[number % PALETTE.length]), width: held ? 2.5 : 1.8, dash: held ? "solid" : "dot" },
    hovertemplate: "step %{x}: %{y:.2f} µm<extra>%{fullData.name}</extra>",
  };
}

function traces(curves) {
  const known = (values) => values.some((value) => value !== null);
  const rank = (curve) => (curve.split < 0 ? Infinity : curve.split); // a fit without held-out data comes last
  const sorted = [...curves].sort((a, b) => rank(a) - rank(b) || a.fit.localeCompare(b.fit, "en", { numeric: true }));
  return sorted.flatMap((curve, number) => [
    ...(known(curve.rms_um) ? [line(curve, curve.rms_um, `${curve.fit}, held out`, number, true)] : []),
    ...(known(curve.train_rms_um) ? [line(curve, curve.train_rms_um, `${curve.fit}, training`, number, false)] : []),
  ]);
}

/** Draw curves into the `.chart` of a figure, again after each update.
 *
 * `curves` is an array of {fit, split, step, loss, train_rms_um, rms_um}; unknown values are null.
 */
export async function draw(figure, curves) {
  const chart = figure.querySelector(".chart");
  figure.curves = curves;
  const Plotly = await loadPlotly();
  if (figure.curves !== curves) return; // newer curves have arrived
  const lines = traces(curves);
  chart.hidden = !lines.length;
  if (!lines.length) return;
  const look = layout(...AXES);
  look.yaxis = { ...look.yaxis, type: "log", tickvals: TICKS, ticktext: TICKS.map((value) => `${Number(value.toPrecision(1))}`) };
  look.xaxis = { ...look.xaxis, rangemode: "tozero" };
  look.uirevision = "same"; // keeps hidden lines hidden
  look.showlegend = true;
  await Plotly.react(chart, lines, look, OPTIONS);
  if (!figure.watchesColors) {
    figure.watchesColors = true;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(figure, figure.curves));
  }
}
