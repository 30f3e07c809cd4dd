"""Which instrument took the images: recipe, overrides and the files' own pixel size together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from refp.core.errors import DataError, RecipeError, RefpError
from refp.settings import Instrument, instrument_names, is_alike, make_instrument, read_instrument
from refp.sweeps.readers import read_header
from refp.sweeps.source import Source, find_source

_OPTIONS = {
    ("optics", "pixel_size_um"): "--pixel-size-um",
    ("bead", "diameter_um"): "--bead-diameter-um",
}


def resolve_instrument(source: Source, stated_um: Mapping[Path, float]) -> Instrument:
    """Make the instrument of a data set.

    The pixel size is that of ``--pixel-size-um`` or ``[optics]``; else the recipe's, which the
    files' own must not contradict; else the files' own.

    Parameters
    ----------
    source
        The data set.
    stated_um
        Pixel size by file, for the files that state one.

    Raises
    ------
    RecipeError
        If pixel size or bead diameter is not known, or a setting is wrong.
    DataError
        If a file contradicts the recipe's pixel size, or another file.
    """
    table = _settings(source, stated_um)
    missing = _missing(source, table)
    if missing:
        raise RecipeError(
            f"{source.root}: the instrument is not known; give --instrument NAME or "
            f"{' and '.join(missing)} (names: {', '.join(instrument_names())})"
        )
    return make_instrument(table, _told_by(source))


def declared_instrument(path: Path) -> Instrument | None:
    """Return the instrument that the ``sweep.toml`` beside an image names, if any does.

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
    return resolve_instrument(source, stated_um)


def declared_pixel_size_um(path: Path) -> float | None:
    """Return the pixel size that an image file states; none for a folder or an unreadable file."""
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
    """Merge two tables; an entry of a recipe file that is no table stays, for the check to name."""
    for part in (under, over):
        if not isinstance(part, dict):
            return part
    return {**under, **over}


def _missing(source: Source, table: dict[str, Any]) -> list[str]:
    """Options that would supply what is not known where no recipe is named."""
    if source.settings.instrument:
        return []
    return [option for (part, key), option in _OPTIONS.items() if key not in table.get(part, {})]


def _check_pixel_size(optics: Any, stated_um: Mapping[Path, float], instrument: str) -> None:
    pixel_um = optics["pixel_size_um"] if isinstance(optics, dict) else None
    if not isinstance(pixel_um, int | float):  # left to the check of the settings
        return
    whose = f"instrument {instrument!r}" if instrument else "another file"
    for path, stated in stated_um.items():
        if not is_alike(stated, pixel_um):
            raise DataError(
                f"{path}: states pixels of {stated:g} um, {whose} {pixel_um:g} um; "
                "give the right one as --pixel-size-um"
            )


def _told_by(source: Source) -> str:
    name = source.settings.instrument
    return f"{source.told_by}, instrument {name!r}" if name else source.told_by
