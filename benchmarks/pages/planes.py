"""Beads and reference planes: their sections of docs/accuracy.md."""

from typing import Any

import numpy as np

from benchmarks.pages.text import A2K_PLANES, number, rms, table


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


def beads_part(beads: dict[str, Any]) -> list[str]:
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


def planes_part(planes: list[dict[str, Any]]) -> list[str]:
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


def coverage_part(coverage: dict[str, Any]) -> list[str]:
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
