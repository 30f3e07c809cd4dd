"""Open a data set: find its instrument and its Z sweeps."""

from pathlib import Path

from refp.settings import Identity
from refp.sweeps.declare import resolve_identity, resolve_instrument
from refp.sweeps.formats.guard import RGB
from refp.sweeps.group import check_one_kind, group_sweeps, merge_exposures
from refp.sweeps.header import Stated
from refp.sweeps.place import FoundFrames, check_any_left, place_frames
from refp.sweeps.source import Source, as_options, find_source
from refp.sweeps.sweep import DataSet


def open_dataset(
    path: str | Path,
    *,
    instrument: str | None = None,
    pattern: str | None = None,
    manifest: str | Path | None = None,
    pixel_size_um: float | None = None,
    bead_diameter_um: float | None = None,
    serial: str | None = None,
    z_step_um: float | None = None,
    channel: str | None = None,
    t: int | None = None,
    bit_depth: int | None = None,
) -> DataSet:
    """Open a data set; only headers are read, pixels on demand.

    Parameters
    ----------
    path
        A folder of images with or without a ``sweep.toml``, that ``sweep.toml``, or one OME-TIFF,
        ImageJ TIFF, ND2, LIF, CZI or OME-Zarr that states its own Z.
    instrument
        Name of a recipe of the package or path of a recipe file.
    pattern
        Pattern of the file names; see :func:`refp.sweeps.parse_pattern`.
    manifest
        CSV table of the frames, instead of a pattern; see :func:`refp.sweeps.read_manifest`.
    pixel_size_um, bead_diameter_um
        Override the recipe; without a recipe both are required.
    serial
        Serial number of the instrument; default: that of ``sweep.toml``, else of the files.
    z_step_um
        Distance of two frames whose names hold their number, ``{z_index}``, or of two pages of a stack,
        in place of the Z that it states.
    channel, t
        Name of the channel, or its number from 0, and number of the time point, from 0; required of
        files that hold several. Channel of colour images: ``red``, ``green`` (the default), ``blue`` or
        ``mean``.
    bit_depth
        Bits of a pixel that the camera uses, from which the white level follows.

    Returns
    -------
    DataSet
        Sweeps in rising Z. Files that cannot be used are in ``left_out`` with the reason: those
        whose names do not match the pattern, and unreadable, truncated or coloured ones.

    Raises
    ------
    DataError
        If no image is usable, if the Z of the images is not known, if the manifest is wrong, if
        images differ in size or type, if two of a sweep have the same Z, if Z falls through the
        pages of a stack or the rows of a manifest, if there are several channels or time points, if
        a file contradicts the pixel size of the recipe, or if files state several serial numbers.
    RecipeError
        If ``sweep.toml``, the pattern or the instrument is wrong, or the instrument is not known.

    Examples
    --------
    >>> import refp
    >>> dataset = refp.open_dataset("training")
    >>> len(dataset.sweeps), dataset.n_frames
    (4, 60)
    """
    options = as_options(
        instrument=instrument,
        pattern=pattern,
        manifest=manifest,
        pixel_size_um=pixel_size_um,
        bead_diameter_um=bead_diameter_um,
        serial=serial,
        z_step_um=z_step_um,
        channel=channel,
        t=t,
        bit_depth=bit_depth,
    )
    return open_source(find_source(Path(path), options))


def open_source(source: Source) -> DataSet:
    """Open the data set of a folder or file with its settings; see :func:`open_dataset`."""
    found = place_frames(source)
    check_any_left(source, found.frames, found.left_out)
    check_one_kind(source.root, found.frames, found.headers)
    sweeps = group_sweeps(merge_exposures(found.frames))
    resolved, notes = resolve_instrument(source, _stated(found))
    return DataSet(
        name=source.name,
        root=source.root,
        instrument=resolved,
        sweeps=tuple(sweeps),
        identity=resolve_identity(source, _identities(found)),
        left_out=tuple(found.left_out),
        notes=(*_file_notes(found), *found.notes, *notes),
    )


def _identities(found: FoundFrames) -> dict[Path, Identity]:
    """Identity of the instrument by file, of the files in use."""
    return {f.path: found.headers[f.path].stated.identity for f in found.frames}


def _stated(found: FoundFrames) -> dict[Path, Stated]:
    """Metadata of the files that are used."""
    return {frame.path: found.headers[frame.path].stated for frame in found.frames}


def _file_notes(found: FoundFrames) -> list[str]:
    """Return the notes of the files that are used, one for each kind."""
    notes: dict[str, str] = {}
    for path, stated in _stated(found).items():
        for note in stated.notes:
            notes.setdefault(note, f"{path.name}: {note}")
    return [*notes.values(), *_colour_notes(found)]


def _colour_notes(found: FoundFrames) -> list[str]:
    """Return the note on colour images, if any are used."""
    in_colour = [frame for frame in found.frames if found.headers[frame.path].in_colour]
    if not in_colour:
        return []
    of = "the mean of their channels" if in_colour[0].colour == "mean" else in_colour[0].colour
    counted = f"{len(in_colour)} of {len(found.frames)} images are in colour"
    chosen = f"{of} is read; --channel {'|'.join(RGB)} chooses"
    return [f"{in_colour[0].path.name}: {counted}, of which {chosen}"]
