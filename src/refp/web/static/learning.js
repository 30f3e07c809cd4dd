// Learning curves while a model is trained: held-out errors solid, those of the training dotted, a color for each fit.

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
  const place = (curve) => (curve.split < 0 ? Infinity : curve.split); // what nothing was held out of comes last
  const sorted = [...curves].sort((a, b) => place(a) - place(b) || a.fit.localeCompare(b.fit, "en", { numeric: true }));
  return sorted.flatMap((curve, number) => [
    ...(known(curve.rms_um) ? [line(curve, curve.rms_um, `${curve.fit}, held out`, number, true)] : []),
    ...(known(curve.train_rms_um) ? [line(curve, curve.train_rms_um, `${curve.fit}, training`, number, false)] : []),
  ]);
}

/** Draw curves into the `.chart` of a figure, again whenever there are more.
 *
 * `curves` is an array of {fit, split, step, loss, train_rms_um, rms_um}; what is not known is null.
 */
export async function draw(figure, curves) {
  const chart = figure.querySelector(".chart");
  figure.curves = curves;
  const Plotly = await loadPlotly();
  if (figure.curves !== curves) return; // newer ones came meanwhile
  const lines = traces(curves);
  chart.hidden = !lines.length;
  if (!lines.length) return;
  const look = layout(...AXES);
  look.yaxis = { ...look.yaxis, type: "log", tickvals: TICKS, ticktext: TICKS.map((value) => `${Number(value.toPrecision(1))}`) };
  look.xaxis = { ...look.xaxis, rangemode: "tozero" };
  look.uirevision = "same"; // a line that somebody hid stays hidden
  look.showlegend = true;
  await Plotly.react(chart, lines, look, OPTIONS);
  if (!figure.watchesColors) {
    figure.watchesColors = true;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(figure, figure.curves));
  }
}
