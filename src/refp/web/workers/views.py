"""Values about planes and folders that the server process and its workers exchange."""

from collections.abc import Mapping
from dataclasses import dataclass

from refp.web.messages import Row


@dataclass(frozen=True, slots=True)
class ComparedSet:
    """Planes of a job to compare: id and title of the job, and their instruments.

    ``instruments`` holds the instrument of each data set.
    """

    id: str
    title: str
    instruments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FieldView:
    """The reference plane of a field of view, and the planes of its exposures.

    Attributes
    ----------
    dataset, experiment, fov
        The field of view.
    refp_um, half_width_um
        Mean of the determined planes of its exposures, and half the width of its interval; ``None``
        without any.
    planes
        Rows of ``planes.csv``, one for each exposure, with ``lower_um`` and ``upper_um``.
    """

    dataset: str
    experiment: str
    fov: str
    refp_um: float | None
    half_width_um: float | None
    planes: list[Row]

    @property
    def name(self) -> str:
        """Display name of the field."""
        return f"{self.dataset}, exp {self.experiment}, field {self.fov}"

    @property
    def key(self) -> str:
        """Key of the field in the curves of its job."""
        return field_key(self.dataset, self.experiment, self.fov)

    @property
    def flags(self) -> str:
        """Names of the flags of any exposure, joined by ``|``."""
        names = (name for row in self.planes for name in str(row["flags"]).split("|"))
        return "|".join(dict.fromkeys(filter(None, names)))

    @property
    def determined(self) -> list[Row]:
        """Rows of the exposures whose plane is determined."""
        return [row for row in self.planes if row["refp_um"] is not None]

    def total(self, column: str) -> int:
        """Return the sum of a column over the exposures."""
        return sum(int(str(row[column])) for row in self.planes)


def field_key(dataset: object, experiment: object, fov: object) -> str:
    """Return the key of a field of view in the curves of a job."""
    return f"{dataset}/{experiment}/{fov}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder or a stack.

    Attributes
    ----------
    name, path
        Name and full path.
    is_stack
        Whether it is one file or OME-Zarr with its own Z.
    n_images
        Number of image files in a folder; ``None`` if not counted.
    has_sweep_file
        Whether the folder has a ``sweep.toml``.
    """

    name: str
    path: str
    is_stack: bool
    n_images: int | None
    has_sweep_file: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder and its content.

    Attributes
    ----------
    here
        The folder; ``None`` for the list of several roots.
    above
        Parent folders from its root on: name and path.
    entries
        Sub-folders and stacks in natural order, limited by :mod:`refp.web.workers.folders`.
    n_more
        Number of further entries.
    """

    here: Entry | None
    above: list[tuple[str, str]]
    entries: list[Entry]
    n_more: int
