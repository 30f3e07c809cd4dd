"""Z of files whose names hold it: numbers of frames, signs, and stage positions that contradict names."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from refp.core.errors import DataError
from refp.sweeps.header import Header
from refp.sweeps.pattern import NameFields
from refp.sweeps.propose import are_numbers_of_frames

NameTable = Mapping[Path, NameFields]
SAME_Z_UM = 0.01
"""Largest difference of two Z that are the same; names are rounded."""
UNUSED_STEP = (
    "the names or the metadata of the files state Z in micrometres; if the names hold the numbers of "
    "frames, give a --pattern with {z_index}"
)


def name_z(
    fields: NameTable, headers: Mapping[Path, Header], z_step_um: float | None, *, stated: bool
) -> tuple[dict[Path, NameFields], list[str]]:
    """Return the fields of the names with Z in micrometres, and remarks on how it was read.

    Recorded stage positions of files of one page each have precedence over the names.

    Parameters
    ----------
    fields
        Fields of the names.
    headers
        Headers of these files.
    z_step_um
        Distance of two frames whose names hold their number.
    stated
        Whether the user stated the pattern of the names. Otherwise a dash before Z is a minus even if
        every name has one, and Z may be the numbers of frames.

    Raises
    ------
    DataError
        If the names hold the number of a frame and its distance is not known.
    """
    placed, notes, stepped = _name_z(fields, headers, z_step_um, stated=stated)
    if z_step_um is not None and not stepped and any("z_um" in one for one in placed.values()):
        notes = [*notes, f"the Z step of {z_step_um:g} um (--z-step-um) is not used: {UNUSED_STEP}"]
    return placed, notes


def _name_z(
    fields: NameTable, headers: Mapping[Path, Header], z_step_um: float | None, *, stated: bool
) -> tuple[dict[Path, NameFields], list[str], bool]:
    """Return the fields with Z, remarks, and whether Z is the number of a frame times the step."""
    stage = _stage_z_um(headers, fields)
    if stage:
        return *_with_stage_z(fields, stage), False
    numbered = any("z_index" in one for one in fields.values())
    if numbered and z_step_um is None:
        raise DataError(
            f"{next(iter(fields))}: the name holds the number of a frame, {{z_index}}; give the distance "
            "of two frames as --z-step-um, or as z_step_um in sweep.toml"
        )
    if numbered and z_step_um is not None:
        placed = {path: _at(one, one["z_index"] * z_step_um) for path, one in fields.items()}
        return placed, [], True
    z_um = [one["z_um"] for one in fields.values() if "z_um" in one]
    if not stated:
        return _numbers_or_um(fields, z_um, z_step_um)
    if len(z_um) < 2 or any(math.copysign(1, z) > 0 for z in z_um):
        return dict(fields), [], False
    note = (
        f"every name has a dash before Z, read as a separator: Z {min(map(abs, z_um)):g} to "
        f"{max(map(abs, z_um)):g} um; where Z is negative, list the frames in a --manifest"
    )
    return {path: _at(one, abs(one["z_um"])) for path, one in fields.items()}, [note], False


def _numbers_or_um(
    fields: NameTable, z_um: Sequence[float], z_step_um: float | None
) -> tuple[dict[Path, NameFields], list[str], bool]:
    """Return Z of names without a stated pattern; whole numbers one apart may be those of frames."""
    if not are_numbers_of_frames(z_um):
        return dict(fields), [], False
    if z_step_um is not None:
        placed = {path: _at(one, one["z_um"] * z_step_um) for path, one in fields.items()}
        return placed, [], True
    note = (
        f"Z is taken from the names as micrometres, {min(z_um):g} to {max(z_um):g} um in steps of 1; if "
        "these are the numbers of frames, give their distance as --z-step-um"
    )
    return dict(fields), [note], False


def _stage_z_um(headers: Mapping[Path, Header], fields: NameTable) -> dict[Path, float]:
    """Return the recorded stage position of every file; empty unless all have one and they differ."""
    stated = {path: headers[path] for path in fields if headers[path].n_planes == 1}
    z_um = {path: h.stated.z_um[0] for path, h in stated.items() if h.stated.of_stage}
    return z_um if len(z_um) == len(fields) and len(set(z_um.values())) > 1 else {}


def _with_stage_z(
    fields: NameTable, stage: Mapping[Path, float]
) -> tuple[dict[Path, NameFields], list[str]]:
    placed = {path: _at(one, stage[path]) for path, one in fields.items()}
    for path, one in fields.items():
        named = one.get("z_um", stage[path])
        if abs(named - stage[path]) > SAME_Z_UM:
            note = (
                f"Z is that of the files' own metadata, not of their names ({path.name}: "
                f"{stage[path]:g} um, by its name {named:g}); a --manifest overrides both"
            )
            return placed, [note]
    return placed, []


def _at(fields: NameFields, z_um: float) -> NameFields:
    return NameFields(**{**fields, "z_um": z_um})
