"""Fields of forms that describe a data set."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from refp.web.http.problems import Problem

OTHER = "other"
INSTRUMENTS = {
    "a2k": "a2k",
    "nikon-ti2": "nikon-ti2",
    OTHER: "another: give pixel size and bead diameter",
}
"""Choices of the instrument, with their labels."""
SIZES = ("pixel_size_um", "bead_diameter_um")


def filled_fields(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that are not empty; sizes only for another instrument.

    Raises
    ------
    Problem
        If another instrument has no bead diameter.
    """
    filled: dict[str, Any] = {name: text.strip() for name, text in fields.items() if text.strip()}
    other = filled.get("instrument") == OTHER
    if other:
        del filled["instrument"]
        if "bead_diameter_um" not in filled:
            detail = "another instrument needs a bead diameter; give it in um"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
        return filled
    return {name: text for name, text in filled.items() if name not in SIZES}
