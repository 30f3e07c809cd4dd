"""The instrument of a data set: recipe, overrides and the pixel size stated by the files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from refp.core.errors import DataError, RefpError, UnknownInstrumentError
from refp.settings import (
    Identity,
    Instrument,
    instrument_names,
    is_alike,
    join_identities,
    make_instrument,
    read_instrument,
)
from refp.sweeps.frame import SingleImage
from refp.sweeps.header import Stated
from refp.sweeps.pattern import DEFAULT_PATTERN, parse_pattern
from refp.sweeps.readers import read_header
from refp.sweeps.source import Source, find_source

MAX_BIT_DEPTH = 16
"""Bit depth of an image file, at which the white level is that of the data type."""
_OPTIONS = {
    ("optics", "pixel_size_um"): "--pixel-size-um",
    ("bead", "diameter_um"): "--bead-diameter-um",
}


def resolve_instrument(
    source: Source, stated: Mapping[Path, Stated]
) -> tuple[Instrument, list[str]]:
    """Make the instrument of a data set, and return remarks on metadata that were overridden.

    The pixel size is that of ``--pixel-size-um`` or ``[optics]``; else that of the recipe, which must
    agree with the files; else that of the files. The white level is that of ``--bit-depth`` or
    ``[optics]``; else that of the recipe; else that of the bit depth that the files state.

    Parameters
    ----------
    source
        The data set.
    stated
        Metadata of its files.

    Raises
    ------
    UnknownInstrumentError
        If pixel size or bead diameter is not known.
    RecipeError
        If a setting is wrong.
    DataError
        If a file contradicts the recipe's pixel size, or another file.
    """
    sizes_um = {path: one.pixel_size_um for path, one in stated.items() if one.pixel_size_um}
    table = _settings(source, sizes_um)
    missing = _missing(source, table)
    if missing:
        raise UnknownInstrumentError(
            f"{source.root}: the instrument is not known; give --instrument NAME or "
            f"{' and '.join(missing)} (names: {', '.join(instrument_names())})"
        )
    instrument = make_instrument(table, _origin(source))
    bits = {one.bit_depth for one in stated.values()} - {0}
    if instrument.optics.white_level is None and len(bits) == 1 and max(bits) < MAX_BIT_DEPTH:
        instrument = instrument.replace("optics.white_level", 2 ** max(bits) - 1)
    return instrument, overridden_pixel_size(sizes_um, instrument.optics.pixel_size_um)


def overridden_pixel_size(stated_um: Mapping[Path, float], used_um: float) -> list[str]:
    """Return a remark if a file states another pixel size than the one used; empty if none does."""
    for path, pixel_um in stated_um.items():
        if not is_alike(pixel_um, used_um):
            return [f"{path.name} states pixels of {pixel_um:g} um; {used_um:g} um is used"]
    return []


def resolve_identity(source: Source, stated: Mapping[Path, Identity]) -> Identity:
    """Return the identity of a data set's instrument.

    Each key is that of ``--serial`` or ``[identity]``; else that of the files.

    Parameters
    ----------
    source
        The data set.
    stated
        Identity by file, as far as stated.

    Raises
    ------
    DataError
        If two files state different instruments, and neither ``--serial`` nor ``[identity]`` decides.
    """
    own, known = source.settings.identity, Identity()
    for path, identity in stated.items():
        key = known.conflict(identity)
        if key and not getattr(own, key):
            raise DataError(
                f"{path}: states {key} {getattr(identity, key)!r}, other files "
                f"{getattr(known, key)!r}; give one instrument at a time, or the correct value in "
                "[identity] of sweep.toml"
            )
        known = known.completed(identity)
    return own.completed(known)


def declared_identity(path: Path) -> Identity:
    """Return the identity that the ``sweep.toml`` beside an image states, else the image file.

    Parameters
    ----------
    path
        An image file.

    Raises
    ------
    RecipeError
        If the ``sweep.toml`` is wrong.
    DataError
        If there is no such path.
    """
    own = find_source(path, {}).settings.identity
    try:
        return join_identities([own, read_header(path).stated.identity])
    except RefpError:
        return own


def declared_z_um(image: SingleImage) -> float | None:
    """Return the Z that an image file states, or its name by the pattern of its folder.

    Raises
    ------
    RecipeError
        If the ``sweep.toml`` beside it is wrong.
    DataError
        If there is no such path.
    """
    source = find_source(image.path, {})
    try:
        z_um = read_header(image.path).stated.z_um
    except RefpError:
        z_um = ()
    pattern = parse_pattern(source.settings.pattern or DEFAULT_PATTERN)
    found = pattern.match(image.path.name)
    if found is not None and "z_um" in found:
        return found["z_um"]
    return z_um[image.page] if z_um else None


def declared_instrument(path: Path) -> Instrument | None:
    """Return the instrument of the ``sweep.toml`` beside an image, if it names one.

    Parameters
    ----------
    path
        An image file, or a folder of images.

    Raises
    ------
    RecipeError
        If the ``sweep.toml`` is wrong.
    DataError
        If there is no such path, or the image contradicts the pixel size of the recipe.
    """
    source = find_source(path, {})
    pixel_um = declared_pixel_size_um(path)
    stated_um = {} if pixel_um is None else {path: pixel_um}
    if _missing(source, _settings(source, stated_um)):
        return None
    stated = {file: Stated(pixel_size_um=size) for file, size in stated_um.items()}
    return resolve_instrument(source, stated)[0]


def declared_pixel_size_um(path: Path) -> float | None:
    """Return the pixel size that an image file states; ``None`` for a folder or unreadable file."""
    try:
        return read_header(path).stated.pixel_size_um or None
    except RefpError:
        return None


def _settings(source: Source, stated_um: Mapping[Path, float]) -> dict[str, Any]:
    """Recipe, overrides and metadata as one table, not yet checked."""
    settings = source.settings
    table = read_instrument(settings.instrument, source.folder) if settings.instrument else {}
    for name, override in settings.overrides.items():
        table[name] = _merged(table.get(name, {}), override)
    if stated_um and "pixel_size_um" not in settings.optics:
        stated = {"pixel_size_um": next(iter(stated_um.values()))}
        table["optics"] = _merged(stated, table.get("optics", {}))
        _check_pixel_size(table["optics"], stated_um, settings.instrument)
    return table


def _merged(under: Any, over: Any) -> Any:
    """Merge two tables; an entry that is not a table is kept, so that validation reports it."""
    for part in (under, over):
        if not isinstance(part, dict):
            return part
    return {**under, **over}


def _missing(source: Source, table: dict[str, Any]) -> list[str]:
    """Options that supply the unknown settings, if no recipe is named."""
    if source.settings.instrument:
        return []
    return [option for (part, key), option in _OPTIONS.items() if key not in table.get(part, {})]


def _check_pixel_size(optics: Any, stated_um: Mapping[Path, float], instrument: str) -> None:
    pixel_um = optics["pixel_size_um"] if isinstance(optics, dict) else None
    if not isinstance(pixel_um, int | float):  # left to the check of the settings
        return
    other = f"instrument {instrument!r}" if instrument else "another file"
    for path, stated in stated_um.items():
        if not is_alike(stated, pixel_um):
            raise DataError(
                f"{path}: states pixels of {stated:g} um, {other} {pixel_um:g} um; "
                "give the correct value as --pixel-size-um"
            )


def _origin(source: Source) -> str:
    name = source.settings.instrument
    return f"{source.origin}, instrument {name!r}" if name else source.origin
