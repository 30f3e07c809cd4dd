"""Describe a model's card as lines of text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from refp.core.digests import hash_file
from refp.models.card import (
    Calibration,
    Coverage,
    ModelCard,
    PixelNoise,
    ResidualSpread,
    StageCurve,
)
from refp.models.normalise import FULL_SCALE

Line = tuple[str, object]
"""Name of a property, and its value."""

MAX_VALUES = 6
"""Number of values of a list that are shown."""


def describe_card(card: ModelCard) -> list[Line]:
    """Return the contents of the card, one line per property."""
    return [
        ("model", card.name),
        ("family", f"{card.family}, {card.members} member{'s' if card.members > 1 else ''}"),
        *_instrument(card),
        ("dZ range", f"{card.dz_range_um[0]:.1f} to {card.dz_range_um[1]:.1f} um"),
        ("input", describe_input(card)),
        ("fewest beads", card.minimum_beads),
        ("trained on", card.conditions),
        ("sweeps", ", ".join(card.sweeps[:MAX_VALUES]) + _rest(len(card.sweeps))),
        ("interval", describe_coverage(card)),
        *_calibration(card.calibration),
        *_adaptation(card),
        ("recipe", card.recipe.get("name", "not stated")),
        *((f"version: {name}", version) for name, version in card.versions.items()),
        ("model format", card.format_version),
        ("training data SHA-256", card.data_sha256),
    ]


def describe_coverage(card: ModelCard) -> str:
    """Return the nominal coverage of the intervals and the one observed on held-out images."""
    known = card.calibration
    if known.coverage is None:
        nominal = card.recipe.get("estimate", {}).get("coverage", 0.95)
        text = f"nominally {_percent(nominal)}; not observed on images of this instrument"
    else:
        text = (
            f"nominally {_percent(known.coverage.nominal)}; {_percent(known.coverage.observed)} of "
            f"{known.coverage.n_images} held-out intervals contain the labelled dZ, its uncertainty "
            "included"
        )
    if known.widening == 1.0:
        return text
    low = ", significantly fewer" if known.coverage else ""
    return f"{text}{low}: all intervals are widened by a factor of {known.widening:.2f}"


def describe_file(path: Path) -> dict[str, object]:
    """Return name, size and SHA-256 of a model file."""
    megabytes = round(path.stat().st_size / 1e6, 3)
    return {"file": path.name, "megabytes": megabytes, "sha256": hash_file(path)}


def describe_input(card: ModelCard) -> str:
    """Return a description of the input of the family's networks, or of the look-up."""
    if card.family == "resnet":
        tile = card.recipe.get("tile", {})
        whole = tile.get("cut") == "grid"
        side = tile["grid_side_px"] if whole else card.instrument.tile_side_px
        where = "of the image" if whole else f"bead centre on pixel ({side // 2}, {side // 2})"
        how = card.recipe.get("train", {}).get("resnet", {}).get("normalisation", "none")
        scaled = f"divided by {FULL_SCALE:g}" if how == "none" else f"normalised by '{how}'"
        return f"a tile of {side} x {side} pixels, {where}, grey levels {scaled}"
    return (
        "the robust radial profile about the sub-pixel centre, black level subtracted, over "
        "background, on rings of bead radii"
    )


def _instrument(card: ModelCard) -> Iterator[Line]:
    optics = card.instrument.optics
    yield "instrument", card.instrument.name
    yield "pixel size", f"{optics.pixel_size_um:g} um"
    radius_px = card.instrument.bead_radius_px
    yield "bead", f"{card.instrument.bead.diameter_um:g} um, {2 * radius_px:.1f} px"
    yield "black level", f"{optics.black_level or 0:.1f} grey levels"
    for key, value in card.identity:
        yield key, value or "not stated"
    yield "stage", f"repeatability {card.instrument.stage.repeatability_um:g} um"


def _calibration(calibration: Calibration) -> Iterator[Line]:
    """Yield one line per number of the calibration; curves and covariances by their range."""
    for name in Calibration.model_fields:
        value = getattr(calibration, name)
        if isinstance(value, StageCurve):
            low, high = min(value.u_um), max(value.u_um)
            at_plane = f"{value.at(0.0):.2f} um at the plane"
            yield "calibration: stage", f"{at_plane}, {low:.2f} to {high:.2f} um over dZ"
        elif isinstance(value, ResidualSpread):
            limit = f"{value.maximum_t_squared:.2f}"
            yield "calibration: maximum_t_squared", f"{limit} a ring, of {len(value.bead)} rings"
        elif isinstance(value, PixelNoise):
            for part in PixelNoise.model_fields:
                yield f"calibration: noise {part}", _short(getattr(value, part))
        elif not isinstance(value, Coverage | None):  # which has a line of its own
            yield f"calibration: {name}", _short(value)


def _adaptation(card: ModelCard) -> Iterator[Line]:
    found = card.adaptation
    if found is None:
        return
    yield "adapted from", f"{found.source}, by {found.n_images} images of {', '.join(found.sweeps)}"
    yield "bias corrected", f"{found.line.bias_um:.2f} +- {card.bias_u_um:.2f} um"
    yield "slope corrected", f"{found.line.slope:.4f} +- {found.slope_u:.4f}"
    yield "residual", f"{found.residual_um:.2f} um"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}".removesuffix(".0") + " %"


def _short(value: Any) -> object:
    """Return a value shortened to fit on a line."""
    if isinstance(value, list | tuple):
        shown = ", ".join(str(_short(one)) for one in value[:MAX_VALUES])
        return shown + _rest(len(value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _rest(n: int) -> str:
    return f", ... {n} in all" if n > MAX_VALUES else ""
