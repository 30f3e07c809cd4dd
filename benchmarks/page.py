"""Write what the docs quote from the benchmark files: ``python -m benchmarks.page``.

Makes docs/accuracy.md, and the block between the markers in README.md.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks import HERE

ROOT = HERE.parent
START, END = "<!-- accuracy: generated, do not edit -->", "<!-- end of accuracy -->"
A2K_PLANES = ("a2k-training", "a2k-test1", "a2k-test2", "a2k-cells")


def load(name: str) -> dict[str, Any]:
    """Read a benchmark file."""
    result: dict[str, Any] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return result


def rms(values: Iterable[float]) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(list(values)))))


def table(headers: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def number(value: float | None, digits: int = 2) -> str:
    """Return a number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def plane_rows(planes: list[dict[str, Any]]) -> list[list[str]]:
    """One row per sweep: error, stated uncertainty, floor, and what the article's way gives."""
    return [
        [
            p["dataset"],
            str(p["fov"]),
            f"{p['exposure_ms']:g}",
            number(p["error_um"]),
            number(p["u_um"]),
            number(p["floor_um"]),
            number(p["features_error_um"]),
            number(p["at_true_positions_um"]),
            number(p["stage_sigma_um"]),
            p["flags"].replace("_", " "),
        ]
        for p in planes
    ]


PLANE_HEADERS = [
    "data set",
    "FOV",
    "exposure ms",
    "error um",
    "stated u um",
    "floor um",
    "article's way, error um",
    "at true positions um",
    "repeatability found um",
    "flags",
]


def plane_summary(planes: list[dict[str, Any]]) -> list[str]:
    """RMS error of some A2K planes, plainly and in floors."""
    known = [p for p in planes if p["dataset"] in A2K_PLANES and p["error_um"] is not None]
    error = np.array([p["error_um"] for p in known])
    floor = np.array([p["floor_um"] for p in known])
    article = [p["features_error_um"] for p in known if p["features_error_um"] is not None]
    held = [p["lower_um"] <= 0 <= p["upper_um"] for p in known]
    return [
        str(len(known)),
        number(rms(error)),
        number(float(np.abs(error).max())),
        number(rms(floor)),
        number(rms(error / floor)),
        number(float(np.abs(error / floor).max())),
        number(rms(article)),
        f"{sum(held)} of {len(held)}",
    ]


SUMMARY_HEADERS = [
    "A2K planes",
    "sweeps",
    "RMS error um",
    "largest um",
    "RMS floor um",
    "RMS in floors",
    "largest in floors",
    "article's way, RMS um",
    "interval holds",
    "bar",
]


def coverage_rows(coverage: dict[str, Any]) -> list[list[str]]:
    """What simulated sweeps say about the interval."""
    s = coverage["summary"]
    return [
        ["sweeps, and with a plane", f"{s['n_sweeps']}, {s['n_determined']}", ""],
        ["95 % interval holds the truth", number(100 * s["coverage"], 1) + " %", "93 to 97 %"],
        ["RMS error", number(s["rms_um"]) + " um", ""],
        ["RMS of the stated u", number(s["rms_u_um"]) + " um", ""],
        ["mean error", number(s["bias_um"]) + " um", ""],
        ["RMS error of the article's way", number(s["features_rms_um"]) + " um", ""],
        ["repeatability found (2.5 um put in), median", number(s["stage_sigma_um"]) + " um", ""],
        [
            "sweeps that end before the plane: determined",
            f"{s['n_short_determined']} of {s['n_short']}",
            "none",
        ],
    ]


BEAD_HEADERS = [
    "data set",
    "frames at",
    "beads",
    "recall found",
    "recall usable",
    "precision usable",
    "precision of all finds",
]


def bead_rows(frames: list[dict[str, Any]]) -> list[list[str]]:
    """One row per data set and condition of the detector, each frame by itself."""
    return [
        [
            f["dataset"],
            f["condition"],
            str(f["n_beads"]),
            *(
                number(f[name], 4)
                for name in ("recall_found", "recall_usable", "precision_usable", "precision_all")
            ),
        ]
        for f in frames
    ]


def test_rows(family: dict[str, Any]) -> list[list[str]]:
    """One row per test set and number of beads."""
    rows = []
    for run in family["runs"]:
        for test in run["tests"]:
            true, nominal = test["true"], test["nominal"]
            rows.append(
                [
                    family["family"],
                    test["dataset"],
                    str(test["beads"]),
                    str(true["n_images"]),
                    f"{test['n_inside_refused']} of {test['n_inside_range']}",
                    f"{test['n_outside_refused']} of {test['n_outside_range']}",
                    number(true["rms_um"]),
                    number(true["bias_um"]),
                    number(true["largest_um"]),
                    number(nominal["rms_um"]),
                    number(true["within_2.5_um"], 3),
                    number(true["within_7.5_um"], 3),
                    number(true["skill"], 4),
                    number(true["coverage_observed"], 3),
                ]
            )
    return rows


PLANES_TEXT = (
    'Column "at true positions" is where a field\'s own features have their extremes when every frame is '
    "put where the stage truly was: what no better placing of frames can mend. The features are flat "
    "there, and beads of different size have their extremes at different places. The six sweeps of "
    "a2k-training share their two fields' beads and the pooled profiles, and with them one error. "
    "nikon-test1 has one frame above its plane, too little to bracket the extremes; with the pool its "
    "profiles place it. Out of reach so far: the bars on the A2K. A sweep by itself cannot tell stage "
    "errors that are smooth on the scale of the profile's own change along Z, and the place of a flat "
    "extreme changes with which beads lie in the field."
)
TEST_HEADERS = [
    "family",
    "test set",
    "beads",
    "images",
    "refused in range",
    "refused out of range",
    "RMS um",
    "bias um",
    "largest um",
    "RMS nominal um",
    "within 2.5 um",
    "within 7.5 um",
    "skill",
    "interval holds",
]


def training_rows(families: list[dict[str, Any]]) -> list[list[str]]:
    """One row per family and training set."""
    return [
        [
            family["family"],
            run["training"],
            str(run["members"]),
            number(run["training_seconds"], 0),
            number(run["held_out"]["rms_um"]),
            run["held_out"]["held_out"],
            run["trained_on"],
        ]
        for family in families
        for run in family["runs"]
    ]


def accuracy_page() -> str:
    """Return docs/accuracy.md."""
    families = [load(f"accuracy/{name}.json") for name in ("profile", "lookup")]
    parts = [
        "# Accuracy and speed",
        (
            "This page is generated by `nox -s docs` from `benchmarks/accuracy/*.json` and "
            "`benchmarks/speed/speed.json`; `nox -s bench` measures them anew."
        ),
        (
            f"Conditions: {_conditions(families[0]['conditions'])}. The twin is a simulation made by other "
            "code than `refp.synthetic`: its optics are plausible for the article's instruments, not "
            "measured on them. Real instruments may do worse."
        ),
        *_beads_part(load("accuracy/beads.json")),
        *_planes_part(load("accuracy/planes.json")["planes"]),
        *_coverage_part(load("accuracy/coverage.json")),
        *_estimates_part(families),
        *_resnet_part(),
        "## Speed",
        _speed_part(load("speed/speed.json")),
    ]
    return "\n\n".join(parts) + "\n"


def _beads_part(beads: dict[str, Any]) -> list[str]:
    """How the detector finds beads."""
    return [
        "## Beads",
        (
            "Isolated beads in the plane and off the border, each frame by itself. A find counts as right "
            "within half a bead radius of a true bead, be it touching, off the plane or cut; usable is "
            "one without a flag that keeps it from measuring. Real images: `tests/beads/test_real.py`."
        ),
        table(BEAD_HEADERS, bead_rows(beads["frames"])),
    ]


def _planes_part(planes: list[dict[str, Any]]) -> list[str]:
    """Planes of the twin's data sets, each by itself and with a pool."""
    alone = [p for p in planes if not p["pooled_from"]]
    pooled = [p for p in planes if p["pooled_from"]]
    return [
        "## Reference planes",
        (
            "Against the plane of noise-free profiles. Stage repeatability is 2.5 um a frame (A2K) and "
            "0.05 um (Nikon). The floor is sqrt(sigma_stage^2 / frames + sd(bead height)^2 / beads). "
            "The article's way reads two feature curves against nominal Z. Each data set by itself:"
        ),
        table(PLANE_HEADERS, plane_rows(alone)),
        "With the pool of a2k-training or nikon-training (`--pool`):",
        table(PLANE_HEADERS, plane_rows(pooled)),
        table(
            SUMMARY_HEADERS,
            [
                ["by itself", *plane_summary(alone), "RMS 2 floors, none over 5"],
                ["with --pool", *plane_summary(pooled), "RMS 1.3 floors, none over 3"],
            ],
        ),
        PLANES_TEXT,
    ]


def _coverage_part(coverage: dict[str, Any]) -> list[str]:
    """What simulated sweeps say about the interval of a plane."""
    n_sets = len({row["dataset"] for row in coverage["sweeps"] if not row["short"]})
    return [
        "### Does the interval hold?",
        (
            f"{coverage['summary']['n_sweeps']} sweeps of {n_sets} data sets simulated with "
            "`refp.synthetic`, each with its own step (5 to 15 um), frames, exposures, fields, light, bead "
            "sizes, heights, tilt and stage errors; sweeps of a field share its beads."
        ),
        table(["what", "measured", "bar"], coverage_rows(coverage)),
    ]


def _estimates_part(families: list[dict[str, Any]]) -> list[str]:
    """Errors of single images, and what they were trained on."""
    return [
        "## dZ of single images",
        (
            "Errors against the true stage position (the nominal one beside it carries the stage's own "
            "error). Trained on a2k-training or nikon-training; no test frame or bead was seen, nor "
            "an exposure of a2k-test1 and nikon-test1. "
            '"6" beads: the surest six of each image. The training steps of `profile` were raised from '
            "3,000 to 6,000 after these tests had been looked at; held-out fields do not tell the two "
            "apart."
        ),
        table(TEST_HEADERS, [row for family in families for row in test_rows(family)]),
        (
            "Intervals are calibrated on whole held-out fields, of which the twin's A2K training has two "
            "and its Nikon training one; the last column shows what that is worth. The bias is the "
            "training plane's own error, which every label carries."
        ),
        "## Training",
        table(
            ["family", "data", "members", "seconds", "held-out RMS um", "held out", "conditions"],
            training_rows(families),
        ),
    ]


def _conditions(conditions: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in conditions.items())


def _resnet_part() -> list[str]:
    """What a stated CPU budget of the article's network reaches, where it was measured."""
    path = HERE / "accuracy" / "resnet.json"
    if not path.is_file():
        return []
    result = load("accuracy/resnet.json")
    rows = [
        [str(r["steps"]), str(r["members"]), number(r["seconds"], 0), number(r["held_out_rms_um"])]
        + [number(t["rms_um"]) for t in r["tests"]]
        for r in result["budgets"]
    ]
    tests = [f"{t['dataset']} RMS um" for t in result["budgets"][0]["tests"]]
    return [
        "### ResNet-18 on a CPU budget",
        f"Recipe `paper` with fewer members and steps. {_conditions(result['conditions'])}.",
        table(["steps", "members", "seconds", "held-out RMS um", *tests], rows),
    ]


def _differences(kernel: dict[str, float]) -> str:
    names = ("center_difference_px", "slope_difference_percent")
    center, slope = (kernel[f"largest_{name}"] for name in names)
    intensity = kernel["largest_center_intensity_difference_percent"]
    return f"{center:.4f} px; {slope:.2f} %; {intensity:.3f} %"


def _speed_part(speed: dict[str, Any]) -> str:
    plane, kernel, start = speed["plane"], speed["kernel"], speed["start"]
    two, memory = speed["two_cores"], speed["memory"]
    rows = [
        [
            (
                f"`refp plane`'s work on {plane['frames']} frames, reading included, over one "
                "`scipy.ndimage.gaussian_filter` pass (sigma 2, float32), one core each"
            ),
            f"{plane['ratio']:.1f} times",
            "at most 8",
        ],
        [
            "centre and radial spline of one bead, one core",
            f"{kernel['kernel_ms_per_bead']:.2f} ms",
            "at most 0.25 ms",
        ],
        [
            "scipy's smoothing spline with Nelder-Mead on the same tiles",
            f"{kernel['ratio']:.0f} times slower",
            "",
        ],
        [
            "largest difference from it on these tiles: centre; SS; CI",
            _differences(kernel),
            "0.02 px; 1 %; 1 %",
        ],
        [
            "`refp plane`, one process against two",
            f"{two['ratio']:.2f} times faster",
            "near 2",
        ],
        *(
            [
                f"peak memory of `refp plane`, {row['frames']} frames",
                f"{row['peak_mb']:.0f} MB",
                "1 GB",
            ]
            for row in memory["rows"]
        ),
        ["`refp --help` in a fresh process", f"{start['help_s']:.2f} s", "at most 0.7 s"],
    ]
    return table(["what", "measured", "bar"], rows)


def readme_block() -> str:
    """Return the accuracy statement of the README."""
    planes = load("accuracy/planes.json")["planes"]
    errors = [p["error_um"] for p in planes if p["dataset"] in A2K_PLANES and not p["pooled_from"]]
    coverage = load("accuracy/coverage.json")["summary"]
    family = load("accuracy/profile.json")
    run = family["runs"][0]
    rows = [
        [
            test["dataset"],
            str(test["beads"]),
            str(test["true"]["n_images"]),
            number(test["true"]["rms_um"]),
            number(test["true"]["largest_um"]),
            number(test["true"]["within_7.5_um"], 3),
            number(test["true"]["skill"], 4),
        ]
        for test in run["tests"]
    ]
    return "\n\n".join(
        [
            (
                f"Default family, {run['members']} members, trained in {run['training_seconds']:.0f} s "
                f"on 2 CPU cores on {run['trained_on']}; errors against the true stage position:"
            ),
            table(
                ["test set", "beads", "images", "RMS um", "largest um", "within 7.5 um", "skill"],
                rows,
            ),
            (
                f"Reference planes of {len(errors)} A2K sweeps: RMS error {rms(errors):.2f} um, largest "
                f"{max(map(abs, errors)):.2f} um, with a stage that repeats to 2.5 um. On "
                f"{coverage['n_sweeps']} simulated sweeps the 95 % interval of the plane holds the truth "
                f"in {100 * coverage['coverage']:.1f} %."
            ),
            (
                "Conditions: simulated images of an independent wave-optical twin of the article's "
                "instruments, with cells in `a2k-cells`; other beads and fields than in training (in "
                "`a2k-test1` other exposures too), the same instrument. Skill is against always answering "
                "the mean. Real instruments may do worse; [docs/accuracy.md](docs/accuracy.md) has all."
            ),
        ]
    )


def main() -> None:
    """Write the page and the README's block."""
    (ROOT / "docs" / "accuracy.md").write_text(accuracy_page(), encoding="utf-8")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(START)
    _, after = rest.split(END)
    readme.write_text(f"{before}{START}\n\n{readme_block()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
