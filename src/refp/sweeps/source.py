"""Location and settings of a data set: its ``sweep.toml`` and the options given."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

from refp.core.errors import DataError
from refp.settings import instrument_names
from refp.sweeps.listing import list_files, lowest_folder
from refp.sweeps.pages import Choice
from refp.sweeps.readers import is_zarr
from refp.sweeps.sweep_file import (
    SWEEP_FILE,
    SweepFile,
    Table,
    make_sweep_file,
    read_sweep_file,
)


@dataclass(frozen=True, slots=True)
class Source:
    """Location and settings of a data set.

    Attributes
    ----------
    root
        The folder or the one file that the user names.
    folder
        Folder to which file names are relative.
    settings
        The ``sweep.toml`` of that folder, overridden by the options given.
    origin
        Origin of the settings, for messages.
    """

    root: Path
    folder: Path
    settings: SweepFile
    origin: str

    @property
    def is_file(self) -> bool:
        """Whether a single image file is named, not a folder."""
        return self.root != self.folder

    @property
    def name(self) -> str:
        """Name of the data set."""
        path = self.root.resolve()
        own = path.stem.removesuffix(".ome") if self.is_file else path.name
        return self.settings.dataset or own

    @property
    def choice(self) -> Choice:
        """The channel and time point to read."""
        return Choice(self.settings.channel, self.settings.t)

    def names(self, files: Iterable[Path]) -> list[str]:
        """Return the names of files below the folder, in composed Unicode, as patterns match them."""
        return names_below(self.folder, files)

    def files(self, depth: int = 0) -> list[Path]:
        """Return the image files of the data set, with those of folders below it to a depth."""
        return [self.root] if self.is_file else list_files(self.root, depth)


def names_below(folder: Path, files: Iterable[Path]) -> list[str]:
    """Return the names of files below a folder, with ``/``, in composed Unicode."""
    return [normalize("NFC", path.relative_to(folder).as_posix()) for path in files]


def find_source(path: Path, options: Table) -> Source:
    """Find a data set from the path that a user names.

    Parameters
    ----------
    path
        A folder, its ``sweep.toml``, or one image file.
    options
        Entries that override those of ``sweep.toml``; from :func:`as_options`.

    Raises
    ------
    DataError
        If there is no such path.
    RecipeError
        If ``sweep.toml`` or an option is wrong.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; check the path")
    toml = _sweep_file_of(path)
    root = toml.parent if path == toml else path
    if path.is_dir() and not toml.is_file() and "/" not in options.get("pattern", ""):
        root = lowest_folder(path)
        toml = _sweep_file_of(root)
    folder = root if root.is_dir() and not is_zarr(root) else root.parent
    stated = read_sweep_file(toml) if toml.is_file() else SweepFile()
    origin = str(toml) if toml.is_file() else "options"
    return Source(root, folder, _override(stated, options, origin), origin)


def as_options(
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
) -> Table:
    """Return options as entries of a ``sweep.toml``; paths are relative to the working folder."""
    options: dict[str, Any] = {
        "instrument": _absolute_recipe(instrument) if instrument else None,
        "pattern": pattern,
        "manifest": str(Path(manifest).absolute()) if manifest else None,
        "z_step_um": z_step_um,
        "channel": channel or None,
        "t": t,
        "optics": _optics(pixel_size_um, bit_depth),
        "bead": None if bead_diameter_um is None else {"diameter_um": bead_diameter_um},
        "identity": None if serial is None else {"serial": serial},
    }
    return {name: value for name, value in options.items() if value is not None}


def _optics(pixel_size_um: float | None, bit_depth: int | None) -> Table | None:
    optics = {
        "pixel_size_um": pixel_size_um,
        "white_level": None if bit_depth is None else 2**bit_depth - 1,
    }
    return {name: value for name, value in optics.items() if value is not None} or None


def _sweep_file_of(path: Path) -> Path:
    """Path of the ``sweep.toml`` of a folder or a file; it may not exist."""
    if path.is_dir() and not is_zarr(path):
        return path / SWEEP_FILE
    return path if path.suffix == ".toml" else path.parent / SWEEP_FILE


def _absolute_recipe(instrument: str) -> str:
    path = Path(instrument)
    is_file = instrument not in instrument_names() and path.is_file()
    return str(path.absolute()) if is_file else instrument


def _override(stated: SweepFile, options: Table, origin: str) -> SweepFile:
    table = stated.model_dump()
    if options.keys() & {"pattern", "manifest"}:
        table.update(pattern="", manifest="")
    for name, value in options.items():
        table[name] = {**table[name], **value} if isinstance(value, dict) else value
    return make_sweep_file(table, origin)
