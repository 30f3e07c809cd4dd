"""The data sets of Table 1 in a folder.

A map file in the folder names them; where it does not, the name in a ``sweep.toml`` is used, or the
folder's own name: ``a2k-training``, ``2- A2K test 1``, ``Nikon_test_2``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field, ValidationError

from refp.core.errors import DataError, RecipeError, RefpError
from refp.core.files import write_bytes
from refp.core.outputs import check_output
from refp.settings import Settings, load_toml, one_line
from refp.study.article import article_sets, instrument_of
from refp.sweeps import DataSet, ZSweep, open_dataset
from refp.sweeps.sweep_file import SWEEP_FILE, read_sweep_file

MAP_FILE = "study.toml"
LABELS = {"a2k": "A2K", "cellometerauto2000": "A2K", "nikon": "Nikon", "nikonti2": "Nikon"}
"""Labels of the article's instruments by the names that folders may use."""
NAME = re.compile(
    r"^(?:\d+\s*[-_.)]\s*)?(?P<label>.+?)[\s_\-.]*(?P<kind>train(?:ing)?|test[\s_\-]*(?P<n>\d+))(?!\d)",
    re.IGNORECASE,
)


class MappedSet(Settings):
    """Path of a data set, and metadata that its files do not state."""

    path: str = Field(description="folder or file, relative to the map file")
    instrument: str | None = Field(default=None, description="instrument recipe, name or path")
    pattern: str | None = Field(default=None, description="file-name pattern")
    manifest: str | None = Field(
        default=None, description="CSV of frames, relative to the map file"
    )
    pixel_size_um: float | None = Field(default=None, gt=0, description="side of a pixel, um")
    bead_diameter_um: float | None = Field(default=None, gt=0, description="bead diameter, um")


class Assay(Settings):
    """A table of an assay's result against Z (Fig. 1A)."""

    table: str = Field(
        description="CSV with columns dataset, z_um and the result; relative to the map file"
    )
    result: str = Field(default="viability", description="column of the result")
    unit: str = Field(default="%", description="unit of the result")
    allowed_bias: float = Field(
        default=5.0, gt=0, description="allowed bias of the result, in its unit"
    )


class MapFile(Settings):
    """``study.toml``."""

    sets: dict[str, MappedSet] = Field(
        default={}, description="data sets by their names in Table 1"
    )
    assay: Assay | None = None


@dataclass(frozen=True, slots=True)
class DataLayout:
    """Data sets of a folder.

    Attributes
    ----------
    root
        The folder.
    sets
        Data sets by their names in Table 1, in its order, followed by those of other instruments.
    left_out
        Reasons why other data sets are left out, by name.
    assay
        Table of an assay's result; ``None`` if the user gives none.
    """

    root: Path
    sets: dict[str, DataSet]
    left_out: dict[str, str]
    assay: Assay | None = None

    def training(self, label: str) -> DataSet | None:
        """Return the training data of an instrument."""
        return self.sets.get(f"{label} training")

    def tests(self, label: str) -> dict[str, DataSet]:
        """Return the test data of an instrument by name."""
        return {n: d for n, d in self.sets.items() if n.startswith(f"{label} test ")}

    @property
    def labels(self) -> list[str]:
        """Labels of the instruments with training data."""
        ending = " training"
        return [name.removesuffix(ending) for name in self.sets if name.endswith(ending)]


def find_sets(root: Path) -> DataLayout:
    """Find the data sets of a folder.

    Raises
    ------
    DataError
        If there is no such folder, or no data set in it has a name of Table 1.
    RecipeError
        If the map file is invalid; the message names file and key.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    mapped = _read_map(root / MAP_FILE)
    wanted = {name: (root / m.path, _options(m, root)) for name, m in mapped.sets.items()}
    known = {path.resolve() for path, _ in wanted.values()}
    for name, path in _named(root):
        if name not in wanted and path.resolve() not in known:
            wanted[name] = (path, _usual(name, path))
    sets: dict[str, DataSet] = {}
    left_out: dict[str, str] = {}
    for name in _in_order(wanted):
        path, options = wanted[name]
        try:
            sets[name] = _renamed(open_dataset(path, **options), name)
        except RefpError as error:
            left_out[name] = str(error)
    if not sets:
        reasons = "; ".join(left_out.values())
        raise DataError(
            f"{root}: holds no data set with a name of Table 1, such as 'A2K training' or 'Nikon test 1'"
            f"{f' ({reasons})' * bool(reasons)}; 'refp study --init {root}' writes {MAP_FILE}, in which "
            "you name the data sets"
        )
    absent = [s.name for s in article_sets() if s.name not in wanted]
    return DataLayout(root, sets, left_out | dict.fromkeys(absent, "not there"), mapped.assay)


def write_map(root: Path, *, overwrite: bool = False) -> Path:
    """Write the map file of a folder, for the user to correct, and return its path.

    Raises
    ------
    DataError
        If there is no such folder.
    OutputError
        If the file exists and may not be replaced, or the folder cannot be written.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    path = root / MAP_FILE
    check_output(path, overwrite=overwrite)
    write_bytes(_map_text(root).encode(), path)
    return path


def _map_text(root: Path) -> str:
    found = dict(_named(root))
    tables: dict[str, Any] = {}
    for name in _in_order(found):
        tables[name] = {
            "path": found[name].relative_to(root).as_posix(),
            **_usual(name, found[name]),
        }
    others = [p.name for p in sorted(root.iterdir()) if p.is_dir() and p not in found.values()]
    lines = [
        "# Folders of the data sets of the article's Table 1. Correct them, then run",
        "#     refp study THIS_FOLDER -o RESULTS",
        "# Beside 'path' a set may have: instrument, pattern, manifest, pixel_size_um,",
        "# bead_diameter_um, each as the option of that name; or state them in a sweep.toml.",
        "# Any instrument will do: name its sets '<instrument> training', '<instrument> test 1', ...",
        "",
        tomli_w.dumps({"sets": tables}) if tables else "",
        *(f'# [sets."{s.name}"]\n# path = ""\n' for s in article_sets() if s.name not in tables),
        "# Fig. 1A: a result of an assay against Z, with columns dataset, z_um and the result.",
        "# [assay]",
        '# table = "viability.csv"',
        '# result = "viability"',
        '# unit = "%"',
        "# allowed_bias = 5.0",
    ]
    if others:
        lines += ["", f"# Folders with other names: {', '.join(others)}"]
    return "\n".join(lines) + "\n"


def table1_name(text: str) -> str | None:
    """Return the name in Table 1 of a name of a folder or ``sweep.toml``; ``None`` if there is none."""
    match = NAME.match(text.strip())
    if match is None:
        return None
    label = match["label"].strip(" _-.")
    label = LABELS.get(re.sub(r"[^a-z0-9]", "", label.lower()), label)
    return f"{label} test {int(match['n'])}" if match["n"] else f"{label} training"


def label_of(name: str) -> str:
    """Return the instrument's label in the name of a data set."""
    return name.removesuffix(" training").rsplit(" test ", 1)[0]


def _read_map(path: Path) -> MapFile:
    if not path.is_file():
        return MapFile()
    try:
        return MapFile.model_validate(load_toml(path))
    except ValidationError as error:
        raise RecipeError(one_line(error, str(path))) from error


def _named(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the folders and files of a folder with names of Table 1."""
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name == MAP_FILE:
            continue
        name = _stated_name(path) or table1_name(path.stem if path.is_file() else path.name)
        if name is not None:
            yield name, path


def _stated_name(path: Path) -> str | None:
    stated = path / SWEEP_FILE
    if not stated.is_file():
        return None
    try:
        return table1_name(read_sweep_file(stated).dataset or "")
    except RefpError:
        return None  # opening it raises the error


def _usual(name: str, path: Path) -> dict[str, Any]:
    """Return the options of a folder without ``sweep.toml``: its instrument."""
    instrument = instrument_of(label_of(name))
    return {} if (path / SWEEP_FILE).is_file() or not instrument else {"instrument": instrument}


def _options(mapped: MappedSet, root: Path) -> dict[str, Any]:
    options = mapped.model_dump(exclude={"path", "manifest"}, exclude_none=True)
    return options | ({"manifest": root / mapped.manifest} if mapped.manifest else {})


def _in_order(names: dict[str, Any]) -> list[str]:
    """Return names in the order of Table 1, followed by others in alphabetical order."""
    table = [s.name for s in article_sets()]
    return [n for n in table if n in names] + sorted(n for n in names if n not in table)


def _renamed(dataset: DataSet, name: str) -> DataSet:
    """Return the data set under its name in Table 1, which tables and figures show."""
    sweeps = []
    for sweep in dataset.sweeps:
        key = replace(sweep.key, dataset=name)
        sweeps.append(ZSweep(key, tuple(replace(frame, key=key) for frame in sweep.frames)))
    return replace(dataset, name=name, sweeps=tuple(sweeps))
