"""Open a data set: from a path to its instrument and its Z sweeps."""

from collections.abc import Iterable
from pathlib import Path

from refp.sweeps.declare import resolve_instrument
from refp.sweeps.group import group_sweeps, keep_majority
from refp.sweeps.place import Found, check_any_left, place_frames
from refp.sweeps.source import as_options, find_source
from refp.sweeps.sweep import DataSet


def open_dataset(
    path: str | Path,
    *,
    instrument: str | None = None,
    pattern: str | None = None,
    manifest: str | Path | None = None,
    pixel_size_um: float | None = None,
    bead_diameter_um: float | None = None,
) -> DataSet:
    """Open a data set; only headers are read, pixels when a frame is.

    Parameters
    ----------
    path
        A folder of images with or without a ``sweep.toml``, that ``sweep.toml``, or one OME-TIFF,
        ImageJ TIFF, ND2 or OME-Zarr that states its own Z.
    instrument
        Name of a recipe of the package or path of a recipe file.
    pattern
        Pattern of the file names; see :func:`refp.sweeps.parse_pattern`.
    manifest
        CSV table of the frames, instead of a pattern; see :func:`refp.sweeps.read_manifest`.
    pixel_size_um, bead_diameter_um
        Override the recipe, and are all that is needed without one.

    Returns
    -------
    DataSet
        Sweeps in rising Z. Files that cannot be used are in ``left_out`` with the reason: those
        that the pattern does not fit, unreadable, truncated or coloured ones, those of another
        size or type than most, and the second of two at one Z of a sweep.

    Raises
    ------
    DataError
        If nothing is usable, if it is not known which Z the images have, if the manifest is wrong,
        or if a file contradicts the recipe's pixel size.
    RecipeError
        If ``sweep.toml``, the pattern or the instrument is wrong, or the instrument is not known.
    """
    options = as_options(
        instrument=instrument,
        pattern=pattern,
        manifest=manifest,
        pixel_size_um=pixel_size_um,
        bead_diameter_um=bead_diameter_um,
    )
    source = find_source(Path(path), options)
    found = place_frames(source)
    check_any_left(source, found.frames, found.left_out)
    frames, odd = keep_majority(found.frames, found.headers)
    sweeps, repeated = group_sweeps(frames)
    return DataSet(
        name=source.name,
        root=source.root,
        instrument=resolve_instrument(source, _stated_um(found, (f.path for f in frames))),
        sweeps=tuple(sweeps),
        left_out=(*found.left_out, *odd, *repeated),
    )


def _stated_um(found: Found, paths: Iterable[Path]) -> dict[Path, float]:
    """Pixel size of the files that state one."""
    stated = {path: found.headers[path].stated.pixel_size_um for path in paths}
    return {path: pixel_um for path, pixel_um in stated.items() if pixel_um}
