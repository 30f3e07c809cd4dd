// Charts: plotly, loaded when a chart is first drawn, in the colours of the page.

let plotly = null;
export function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/static/plotly-basic.min.js";
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  });
  return plotly;
}

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function layout(x, y) {
  const axis = { gridcolor: color("--line"), zeroline: false, linecolor: color("--soft") };
  return {
    margin: { l: 62, r: 12, t: 8, b: 44 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 14, color: color("--ink") },
    xaxis: { ...axis, title: { text: x } },
    yaxis: { ...axis, title: { text: y } },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
  };
}
