"""Rows of results as a reader on a terminal wants them; files and ``--json`` have every column."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from refp.cli.layout import MISSING, PLUS_MINUS, with_u

if TYPE_CHECKING:
    from refp.models import ModelCard

Rows = Sequence[Mapping[str, object]]
Shown = list[dict[str, object]]
BELOW = "notes"
"""Key of the text under a row: a reason, flags or problems."""
DZ = f"dZ {PLUS_MINUS} U (um)"
"""Column of dZ with half the width of its interval."""
MOVE = "move Z (um)"
"""Column of the change of the stage's Z that leads to the reference plane."""


def title_of_sweeps(title: str, rows: Rows) -> str:
    """Return a title with the name of the data set, if there is one; several are a column."""
    names = {str(row["dataset"]) for row in rows}
    return f"{title} of {names.pop()}" if len(names) == 1 else title


def shown_sweeps(rows: Rows) -> Shown:
    """Return the rows of ``refp inspect``: Z range, frames, usable beads, and problems under them."""
    return [
        {
            **_key(row, rows),
            "Z (um)": f"{row['z_first_um']:g} to {row['z_last_um']:g}",
            "step (um)": row["z_step_um"],
            "frames": row["n_frames"],
            "usable beads": f"{row['n_beads_usable']} of {row['n_beads_found']}",
            BELOW: _problems(row),
        }
        for row in rows
    ]


def shown_survey(rows: Rows) -> Shown:
    """Return the images of a folder by kind and by folder below it."""
    return [
        {
            "images": row["n_images"],
            **(
                {"suffix": row["suffix"], "size (px), type": row["size"], "pages": row["n_pages"]}
                if row["suffix"]
                else {
                    "folder": row["folder"],
                    "described by": "sweep.toml" if row["sweep_file"] else MISSING,
                }
            ),
            BELOW: f"proposed pattern: {row['pattern']}" if row["pattern"] else "",
        }
        for row in rows
    ]


def shown_planes(rows: Rows) -> Shown:
    """Return the rows of ``planes.csv``: plane, frames and beads, and flags under them."""
    return [
        {
            **_key(row, rows),
            f"REFP {PLUS_MINUS} u (um)": with_u(_number(row["refp_um"]), _number(row["refp_u_um"])),
            "frames used": f"{row['n_frames_used']} of {row['n_frames']}",
            "beads": row["n_beads"],
            BELOW: _flags(row),
        }
        for row in rows
    ]


def shown_estimates(rows: Rows) -> Shown:
    """Return the rows of estimates: image, dZ, U and verdict, and the reason under a refused one.

    The move of the stage to the reference plane is a column where it is known.
    """
    verdict = "verdict" if rows and "verdict" in rows[0] else "status"
    with_moves = any(math.isfinite(_number(row["stage_move_um"])) for row in rows)
    return [
        {
            "image": row["image"],
            **_dz(row),
            **({MOVE: _move(row)} if with_moves else {}),
            "beads used": f"{row['n_beads_used']} of {row['n_beads']}",
            verdict: row[verdict],
            BELOW: row["reason"],
        }
        for row in rows
    ]


def title_of_estimates(rows: Rows) -> str:
    """Return the title of a table of estimates: its quantities and the model."""
    if not rows:
        return "Estimates"
    coverage = f"{_number(rows[0]['coverage']):.0%}".replace("%", " %")
    return (
        f"dZ {PLUS_MINUS} U: position above (+) or below (-) the reference plane, {coverage} "
        f"interval; model {rows[0]['model']}"
    )


def shown_time(time: object) -> object:
    """Return a time in ISO 8601 to the minute, without its zone; other values as they are."""
    return time[:16].replace("T", " ") if isinstance(time, str) else time


def shown_times(row: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    """Return a row with these times to the minute."""
    return {**row, **{name: shown_time(row[name]) for name in names}}


def shown_errors(summary: Mapping[str, float]) -> list[tuple[str, object]]:
    """Return the summary of an evaluation, a line per statistic."""
    lengths = {
        "RMS error": "rms_um",
        "bias (mean error)": "bias_um",
        "largest absolute error": "largest_um",
        "u of the labels": "label_u_um",
        "RMS of the constant predictor": "constant_rms_um",
    }
    return [
        ("images", f"{summary['n_images']}"),
        ("estimated", f"{summary['n_ok']}"),
        ("refused", f"{summary['n_refused']}"),
        *((name, _length(summary[key])) for name, key in lengths.items()),
        ("skill (1 - RMS / that of the constant)", summary["skill"]),
        ("observed coverage of the intervals", _percent(summary["coverage_observed"])),
        *(
            (f"error within {key[7:-3]} um", _percent(fraction))
            for key, fraction in summary.items()
            if key.startswith("within_")
        ),
    ]


def describe_members(card: "ModelCard") -> str:
    """Return the number of members of a model."""
    return f"{card.members} member{'s' if card.members > 1 else ''}"


def shown_adapted(rows: Rows) -> Shown:
    """Return the images of an adaptation: known dZ, and the estimates before and after it."""
    columns = {
        "image": "image",
        "known dZ (um)": "delta_z_true_um",
        "before (um)": "before_um",
        "adapted (um)": "delta_z_um",
        "error (um)": "error_um",
    }
    return [{name: _fixed(row[key]) for name, key in columns.items()} for row in rows]


def shown_criteria(rows: Rows) -> Shown:
    """Return the criteria of a verification with their limits and outcomes."""
    return [
        {
            "criterion": row["name"],
            f"value {PLUS_MINUS} U": with_u(_number(row["value"]), _number(row["expanded"])),
            "limit": row["limit"],
            "outcome": row["outcome"],
        }
        for row in rows
    ]


def shown_plan(rows: Rows) -> Shown:
    """Return the rows of a plan: the acquisition, its expanded uncertainty, and the contributions."""
    return [
        {
            "to find": {"refp": "REFP", "image": "dZ"}[str(row["what"])],
            "fields": row["n_fov"],
            "frames": row["n_frames"],
            "beads": row["n_beads"],
            "exposure (ms)": row["exposure_ms"],
            "U (um)": _fixed(row["half_width_um"]),
            "reached": row["reached"],
            **{
                f"u {name} (um)": _fixed(row[key])
                for name, key in (
                    ("noise", "u_photons_um"),
                    ("heights", "u_heights_um"),
                    ("stage", "u_stage_um"),
                    ("REFP", "u_refp_um"),
                )
            },
        }
        for row in rows
    ]


def shown_demo(rows: Rows) -> Shown:
    """Return the images of the demo: true dZ as simulated, and its estimate."""
    return [
        {
            "Z (um)": row["z_um"],
            "true dZ (um)": _signed(row["true_dz_um"]),
            **_dz(row),
            "error (um)": _signed(row["error_um"]),
            "status": row["status"],
        }
        for row in rows
    ]


def _dz(row: Mapping[str, object]) -> dict[str, object]:
    dz_um = _number(row["delta_z_um"])
    return {DZ: with_u(dz_um, _number(row["upper_um"]) - dz_um, sign=True)}


def _move(row: Mapping[str, object]) -> str:
    move_um = _number(row["stage_move_um"])
    return f"{move_um:+.1f}" if math.isfinite(move_um) else MISSING


def _key(row: Mapping[str, object], rows: Rows) -> dict[str, object]:
    """Return the key of a sweep, with the data set where there are several."""
    dataset = {"data set": row["dataset"]} if len({r["dataset"] for r in rows}) > 1 else {}
    return {
        **dataset,
        "experiment": row["experiment"],
        "FOV": row["fov"],
        "exposure (ms)": row["exposure_ms"],
    }


def _problems(row: Mapping[str, object]) -> str:
    counted = {
        "without a usable bead": row["n_frames_without_beads"],
        "saturated": row["n_frames_saturated"],
    }
    parts = [f"{n} frames {state}" for state, n in counted.items() if n]
    return "; ".join([*parts, *filter(None, [str(row["notes"])])])


def _flags(row: Mapping[str, object]) -> str:
    flags = str(row["flags"]).replace("|", ", ")
    if math.isnan(_number(row["refp_um"])):
        return f"not determined: {flags}"
    return f"flags: {flags}" if flags else ""


def shown_audit(rows: Rows, tolerance_um: float) -> Shown:
    """Return the instruments of an audit: images by outcome, and the fraction outside the tolerance."""
    return [
        {
            "instrument": row["instrument"],
            "images": row["n_images"],
            "refused": row["n_refused"],
            "unverified": row["n_unverified"],
            f"outside {PLUS_MINUS}{tolerance_um:g} um": f"{row['n_outside']} of {row['n_ok']}",
            "fraction outside": _percent(_number(row["fraction_outside"])),
            "median dZ (um)": _signed(row["median_um"]),
            BELOW: _fraction(row),
        }
        for row in rows
    ]


def shown_tolerance(rows: Rows) -> Shown:
    """Return the focus tolerance of each data set: a row per quantity, a column per data set."""
    made = [_tolerance(row) for row in rows]
    names = [str(row["dataset"]) for row in rows]
    return [
        {"quantity": name, **{key: one[name] for key, one in zip(names, made, strict=True)}}
        for name in made[0]
    ]


def _tolerance(row: Mapping[str, object]) -> dict[str, object]:
    unit = f" {row['unit']}" if row["unit"] else ""
    fit = {
        "allowed difference from the result at the plane": f"{row['allowed_bias']:g}{unit}",
        "tolerated dZ (um), uncertainty included": _range(row, "guarded_low_um", "guarded_high_um"),
        "tolerated dZ (um), fitted": _range(row, "tolerance_low_um", "tolerance_high_um"),
        "measured dZ (um)": _range(row, "lowest_um", "highest_um"),
        "results": row["n_results"],
        "result at the plane": f"{_number(row['result_at_plane']):.4g}{unit}",
    }
    if "n_images" not in row:
        return fit
    return {
        **fit,
        "images of the archive": row["n_images"],
        "of these, result changed by more than allowed": row["n_changed"],
        "of these, beyond the measured dZ": row["n_beyond"],
    }


def _range(row: Mapping[str, object], low: str, high: str) -> str:
    """Return a range, um; an end that is not known is beyond the measured dZ."""
    ends = [_number(row[name]) for name in (low, high)]
    return " to ".join(f"{end:+.1f}" if math.isfinite(end) else "beyond" for end in ends)


def _fraction(row: Mapping[str, object]) -> str:
    low, high = (_number(row[f"fraction_{end}"]) for end in ("lower", "upper"))
    known = math.isfinite(low) and math.isfinite(high)
    return (
        f"95 % interval of the fraction: {100 * low:.0f} % to {100 * high:.0f} %" if known else ""
    )


def _signed(value: object) -> object:
    return f"{value:+.2f}" if isinstance(value, float) and math.isfinite(value) else value


def _fixed(value: object) -> object:
    return round(value, 2) if isinstance(value, float) else value


def _length(value_um: float) -> str:
    return MISSING if math.isnan(value_um) else f"{value_um:.2f} um"


def _percent(fraction: float) -> str:
    return MISSING if math.isnan(fraction) else f"{100 * fraction:.1f} %"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
