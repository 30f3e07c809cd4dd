"""Estimates of single images: their sections of docs/accuracy.md."""

from typing import Any

from benchmarks.pages.text import load_any, number, state_conditions, table


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


def estimates_part(families: list[dict[str, Any]]) -> list[str]:
    """Errors of single images, and what they were trained on."""
    return [
        "## dZ of single images",
        (
            "Errors against the true stage position (the nominal one beside it carries the stage's own "
            "error). Trained on a2k-training or nikon-training; no test frame or bead was seen, nor "
            "an exposure of a2k-test1 and nikon-test1. "
            '"6" beads: the surest six of each image. These tests are not free of having been looked at: '
            "the steps of `profile` were raised from 3,000 to 6,000 after them, and size as a second "
            "unknown of the look-up, cubic reading of rings and what sizes do to planes were settled "
            "with them in view."
        ),
        table(TEST_HEADERS, [row for family in families for row in test_rows(family)]),
        (
            "Intervals are calibrated on whole held-out fields, of which the twin's A2K training has two "
            "and its Nikon training one; the last column shows what that is worth. Most of the bias is "
            "the training plane's own error, which every label carries."
        ),
        "## Training",
        table(
            ["family", "data", "members", "seconds", "held-out RMS um", "held out", "conditions"],
            training_rows(families),
        ),
    ]


def resnet_part() -> list[str]:
    """What a stated CPU budget of the article's network reaches, where it was measured."""
    result = load_any("accuracy/resnet.json")
    if not result:
        return []
    rows = [
        [str(r["steps"]), str(r["members"]), number(r["seconds"], 0), number(r["held_out_rms_um"])]
        + [number(t["rms_um"]) for t in r["tests"]]
        for r in result["budgets"]
    ]
    tests = [f"{t['dataset']} RMS um" for t in result["budgets"][0]["tests"]]
    return [
        "### ResNet-18 on a CPU budget",
        f"Recipe `paper` with fewer members and steps. {state_conditions(result['conditions'])}.",
        table(["steps", "members", "seconds", "held-out RMS um", *tests], rows),
    ]
