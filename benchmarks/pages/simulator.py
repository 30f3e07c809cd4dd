"""docs/simulator.md: what simulated images are worth, and how well any method could do."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.pages.speed import simulate_part
from benchmarks.pages.text import load_any, number, state_conditions, table
from refp.reports import draw_bead_montage, exposure_colors, look, save_png, save_svg
from refp.reports.style import FLAGGED, INK, MUTED, USED, WIDTH_IN, exposure_label, legend_below
from refp.synthetic import as_instrument, render_single_bead

MONTAGES = {"a2k": np.arange(-4, 5) * 37.5, "nikon-ti2": np.arange(-4, 5) * 6.0}
"""dZ of the tiles, um: the article's Fig. 1B shows +-75 um on the A2K and +-12 um on the Nikon."""
NAMES = {"a2k": "A2K", "nikon-ti2": "Nikon Ti2"}
COLORS = {"profile": USED, "lookup": FLAGGED, "resnet": "#009e73"}
TWIN_COLOR, OUR_COLOR = MUTED, USED

CHECKS = (
    ("partial-wave sums", "Wiscombe's 1979 table, Bohren and Huffman's appendix A", "2e-6"),
    ("scattering amplitudes", "miepython's", "1e-9 of the largest"),
    ("extinction by energy", "optical theorem; the scattered light summed over all angles", "1e-9"),
    (
        "field on the axis behind the sphere",
        "Mie's series in closed form; evanescent waves counted",
        "1e-6",
    ),
    ("point through an aperture", "Airy pattern; sinc along the axis", "0.4 %; 1 % of the peak"),
    ("thin phase disc out of focus", "Fresnel diffraction on the axis", "6 % of the phase"),
    ("light that an image lacks", "extinction less what is scattered into the pupil", "0.5 %"),
    (
        "sum over orders of rotation",
        "one plane wave after another, averaged over the azimuth",
        "2e-4",
    ),
    ("stained cell in focus", "Beer and Lambert", "0.06"),
    (
        "between radii and indices of maps",
        "images of their own",
        "RMS 0.003 of background",
    ),
    ("pixels", "pixels a fifth as wide, summed", "0.012 of background"),
    ("noise", "its own statistics: shot, read, fixed pattern, rounding", "3 % of the variance"),
    (
        "REFP of the truth",
        "both features read off noiseless images by a spline of their own",
        "0.03 depths of field",
    ),
    ("Cramer-Rao bound", "400 noisy tiles, fitted by maximum likelihood", "12 %"),
)
"""What is checked, against what, and how near it must come; each is a test."""


def draw_simulator_figures(folder: Path) -> None:
    """Write the page's figures that there are numbers for."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, dz_um in MONTAGES.items():
        instrument = as_instrument(name)
        tiles = [render_single_bead(float(dz), instrument, noise=True) for dz in dz_um]
        figure = draw_bead_montage(
            tiles, list(dz_um), instrument.optics.pixel_size_um, f"{NAMES[name]}, simulated bead"
        )
        save_png(figure, folder / f"simulator-bead-{name}.png")
    simulator, limit = load_any("accuracy/simulator.json"), load_any("accuracy/limit.json")
    if simulator:
        save_svg(draw_curves(simulator["beside"]), folder / "simulator-curves.svg")
        save_png(draw_stacks(simulator["beside"]), folder / "simulator-stacks.png")
    if limit:
        save_svg(draw_limit(limit), folder / "simulator-limit.svg")


@look()
def draw_curves(beside: list[dict[str, Any]]) -> Figure:
    """Draw both features' pooled curves of simulator and twin, a row an instrument."""
    figure = Figure(figsize=(WIDTH_IN, 6.4), layout="constrained")
    for row, axes in zip(beside, figure.subplots(len(beside), 2), strict=True):
        for ax, feature, label in zip(
            axes, ("ss", "ci"), ("steepest slope (1/px)", "centre intensity"), strict=True
        ):
            curve = row[feature]
            ax.plot(curve["dz_um"], curve["twin"], color=TWIN_COLOR, lw=4, alpha=0.7)
            ax.plot(curve["dz_um"], curve["simulator"], color=OUR_COLOR, lw=2)
            ax.axvline(0, color=INK, lw=0.8)
            ax.set(xlabel="dZ (um)", ylabel=label, title=NAMES[row["instrument"]])
    handles = [
        Line2D([], [], color=OUR_COLOR, lw=2, label="simulator"),
        Line2D([], [], color=TWIN_COLOR, lw=4, alpha=0.7, label="twin, other code"),
    ]
    legend_below(figure, handles)
    return figure


@look()
def draw_stacks(beside: list[dict[str, Any]]) -> Figure:
    """Draw both pooled stacks I(dZ, r) side by side, a row an instrument, on one grey scale."""
    figure = Figure(figsize=(WIDTH_IN, 7.0), layout="constrained")
    for row, axes in zip(beside, figure.subplots(len(beside), 2), strict=True):
        stack = row["stack"]
        extent = (
            stack["radius_radii"][0],
            stack["radius_radii"][-1],
            stack["dz_um"][0],
            stack["dz_um"][-1],
        )
        for ax, which in zip(axes, ("simulator", "twin"), strict=True):
            shown = ax.imshow(
                stack[which],
                extent=extent,
                origin="lower",
                aspect="auto",
                cmap="gray",
                vmin=0,
                vmax=2,
            )
            ax.grid(visible=False)
            ax.set(
                xlabel="radius (bead radii)",
                ylabel="dZ (um)",
                title=f"{NAMES[row['instrument']]}, {which}",
            )
        figure.colorbar(shown, ax=list(axes), label="over background", shrink=0.8)
    return figure


@look()
def draw_limit(limit: dict[str, Any]) -> Figure:
    """Draw the bound against dZ for each exposure, and the families' scatter above it."""
    figure = Figure(figsize=(WIDTH_IN, 4.6), layout="constrained")
    names = list(dict.fromkeys(row["instrument"] for row in limit["bounds"]))
    families = list(dict.fromkeys(row["family"] for row in limit["rows"]))
    handles = []
    for ax, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        bounds = [row for row in limit["bounds"] if row["instrument"] == name]
        colors = exposure_colors(row["exposure_ms"] for row in bounds)
        for row in bounds:
            color = colors[row["exposure_ms"]]
            label = f"{NAMES[name]}, bound, {exposure_label(row['exposure_ms'])}"
            handles += ax.plot(row["dz_um"], row["sd_um"], color=color, lw=2, label=label)
        exposure_ms = sorted(colors)[len(colors) // 2]
        for family in families:
            _draw_scatter(ax, limit["rows"], name, family, exposure_ms)
        ax.set(
            xlabel="dZ (um)",
            ylabel="standard deviation, one bead (um)",
            yscale="log",
            title=f"{NAMES[name]}; families at {exposure_label(exposure_ms)}",
        )
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    marks = [
        Line2D([], [], color=COLORS[f], marker="o", ls="--", label=f"{f}, scatter")
        for f in families
    ]
    legend_below(figure, [*handles, *marks])
    return figure


def _draw_scatter(
    ax: Axes, rows: list[dict[str, Any]], name: str, family: str, exposure_ms: float
) -> None:
    chosen = [
        row
        for row in rows
        if (row["instrument"], row["family"], row["exposure_ms"]) == (name, family, exposure_ms)
        and row["from_um"] != "all"
    ]
    if not chosen:
        return
    starts = np.array([float(row["from_um"]) for row in chosen])
    middles = starts + np.diff(starts).mean() / 2
    scatter = [row["scatter_um"] for row in chosen]
    ax.plot(middles, scatter, color=COLORS[family], marker="o", ls="--", lw=1.4)


def simulator_page() -> str:
    """Return the page."""
    simulator, limit = load_any("accuracy/simulator.json"), load_any("accuracy/limit.json")
    plan, speed = load_any("accuracy/plan.json"), load_any("speed/simulate.json")
    parts = [_intro(), _checks()]
    if simulator:
        parts += [_convergence(simulator), _twin(simulator)]
    parts += [_montage()]
    if limit:
        parts += [_limit(limit)]
    if plan:
        parts += [_plan(plan)]
    if speed:
        parts += ["## Speed", *simulate_part(speed)]
    return "\n\n".join(parts) + "\n"


def _intro() -> str:
    return """# The simulator: what its images are worth, and the limit that physics sets

Generated by `python -m benchmarks.page` from `benchmarks/accuracy/{simulator,limit,plan}.json` and
`benchmarks/speed/simulate.json`; do not edit.

`refp.synthetic` images homogeneous spheres by their partial waves through a dry objective of finite
aperture, under a cone of incoherent light of finite bandwidth, onto a camera. [stages.md](stages.md)
lists the steps. It is exact for single spheres but for three things: what turns the handedness of the
light is left out (under 0.05 % of the scattered light at apertures up to 0.4), surfaces do not reflect,
and neighbouring images multiply instead of interfering. Cells are taken as homogeneous spheres.
**Apertures, light and cameras of the shipped recipes are assumed**: the article states none. They were
chosen before they were compared with the twin; the Nikon's condenser then moved from 0.20 to 0.18, so
that the curves resemble each other more. Nothing was fitted."""


def _checks() -> str:
    rows = [list(row) for row in CHECKS]
    return "## Checked against theory\n\nEach line is a test in `tests/synthetic`.\n\n" + table(
        ["what", "against", "must agree within"], rows
    )


def _convergence(simulator: dict[str, Any]) -> str:
    rows = [
        [
            NAMES[row["instrument"]],
            row["what"],
            str(row["used"]),
            f"{row['rms']:.1e}",
            f"{row['largest']:.1e}",
        ]
        for row in simulator["convergence"]
    ]
    return (
        "## Convergence\n\nA bead of 28 um over 20 depths of field, out to 30 um, against four times "
        "the wavelengths and twice the rings of condenser and pupil; of background. What is left is "
        "whether a wavelength meets a narrow resonance of the sphere; real beads, which are not perfect "
        "spheres, hardly have them.\n\n"
        + table(["instrument", "sum", "points used", "RMS", "largest"], rows)
    )


def _twin(simulator: dict[str, Any]) -> str:
    lines = [
        [
            NAMES[row["instrument"]],
            f"{row['ss']['correlation']:.3f}",
            f"{row['ci']['correlation']:.3f}",
            f"{row['stack']['correlation']:.3f}",
            f"{row['stack']['rms_difference']:.3f}",
        ]
        for row in simulator["beside"]
    ]
    cross = [
        [
            row["of"],
            row["test"],
            str(row["n_images"]),
            str(row["refused"]),
            number(row.get("rms_um")),
            number(row.get("median_um")),
            number(row.get("p95_um")),
        ]
        for row in simulator["cross"]
    ]
    return (
        "## Beside the twin\n\nThe twin (`shared/data/twin`) is a simulation by other code, whose optics "
        "we do not know. Both went through `refp plane`.\n\n"
        "![Steepest slope and centre intensity against dZ](images/simulator-curves.svg)\n\n"
        "![Pooled stacks against radius and dZ](images/simulator-stacks.png)\n\n"
        + table(
            [
                "instrument",
                "SS, correlation",
                "CI, correlation",
                "stack, correlation",
                "stack, RMS",
            ],
            lines,
        )
        + "\n\nModels of the default family trained on one and asked about the other, as they are: what "
        "they say of images inside the trained range, and how many of these they would refuse. An "
        "instrument whose apertures differ is another instrument; `refp adapt` is for that.\n\n"
        + table(
            [
                "trained and asked",
                "test set",
                "images",
                "refused",
                "RMS um",
                "median um",
                "95 % um",
            ],
            cross,
        )
        + f"\n\nConditions: {state_conditions(simulator['conditions'])}."
    )


def _montage() -> str:
    return """## One bead through Z

The article's Fig. 1B shows the A2K at its plane and 75 um to both sides, the Nikon at its plane and
12 um to both sides. Here the A2K's centre is bright within some 40 um of the plane; at 75 um it is a disc
with a dim ring, soft below the plane and sharper above. On the Nikon the centre is wide and bright
all over the range.

![A2K bead against dZ](images/simulator-bead-a2k.png)

![Nikon bead against dZ](images/simulator-bead-nikon-ti2.png)"""


def _limit(limit: dict[str, Any]) -> str:
    rows = [
        [
            NAMES[row["instrument"]],
            row["family"],
            f"{row['exposure_ms']:g}",
            number(row["rms_um"]),
            number(row["scatter_um"]),
            number(row["bound_um"], 3),
            number(row["rms_over_bound"], 1),
            number(row["scatter_over_bound"], 1),
        ]
        for row in limit["rows"]
        if row["from_um"] == "all"
    ]
    return (
        "## The limit\n\nCramer-Rao bound of dZ from one bead, with centre and background unknown and "
        "size known as far as the lot spreads. That the size is not known costs next to nothing: a bead's "
        "image tells size and dZ apart. "
        + _symmetry(limit)
        + "\n\n![Bound and families against dZ](images/simulator-limit.svg)\n\n"
        "Error of single beads against their own plane and the true stage position; scatter is about "
        "the median in each tenth of the range, thus without the error of the training's plane and axis. "
        "Family `resnet` learns too little without a GPU to be compared.\n\n"
        + table(
            [
                "instrument",
                "family",
                "exposure ms",
                "RMS um",
                "scatter um",
                "bound um",
                "RMS over bound",
                "scatter over bound",
            ],
            rows,
        )
        + f"\n\nConditions: {state_conditions(limit['conditions'])}."
    )


def _symmetry(limit: dict[str, Any]) -> str:
    """Say where near the plane a bead tells least."""
    texts = []
    for row in _middle_exposures(limit["bounds"]):
        dz, sd = np.array(row["dz_um"]), np.array(row["sd_um"])
        near = np.abs(dz) < 0.25 * dz.max()
        worst = near & (sd == sd[near].max())
        texts.append(
            f"{NAMES[row['instrument']]} at {row['exposure_ms']:g} ms: {sd[worst][0]:.3f} um at "
            f"{dz[worst][0]:+.3g} um, {sd[worst][0] / sd[np.abs(dz) < 0.5 * dz.max()].min():.1f} times the "
            "best within half the range"
        )
    return (
        "Near the plane, where centre and slope have their extremes, the image is nearly even in dZ and "
        "tells less, but the rim tells the sides apart and the information does not vanish "
        f"({'; '.join(texts)})."
    )


def _middle_exposures(bounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = dict.fromkeys(row["instrument"] for row in bounds)
    groups = [[row for row in bounds if row["instrument"] == name] for name in names]
    return [group[len(group) // 2] for group in groups]


def _plan(plan: dict[str, Any]) -> str:
    rows = [
        [
            row["what"],
            row["how"],
            str(row["n_beads"]),
            str(row["n_frames"]),
            f"{row['exposure_ms']:.3g}",
            str(row["n"]),
            number(row["planned_u_um"]),
            number(row["rms_um"]),
            number(row["rms_over_planned"]),
        ]
        for row in plan["rows"]
    ]
    return (
        "## Do plans hold?\n\nSweeps and images simulated as `refp plan` would have them; errors against "
        "the plane of a nominal bead at rest. RMS over planned should be near 1.\n\n"
        + table(
            [
                "what",
                "how",
                "beads",
                "frames",
                "exposure ms",
                "cases",
                "planned u um",
                "RMS um",
                "RMS over planned",
            ],
            rows,
        )
        + f"\n\nConditions: {state_conditions(plan['conditions'])}."
    )
