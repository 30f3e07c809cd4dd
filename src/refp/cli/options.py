"""Options that several commands share."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.core.errors import RecipeError

if TYPE_CHECKING:
    from refp.core.parallel import Workers
    from refp.history import Direction, History
    from refp.models import ModelCard
    from refp.settings import Recipe
    from refp.sweeps import DataSet, SingleImage
    from refp.sweeps.pages import Choice


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class DataOptions:
    """Description of the data, where there is no sweep.toml."""

    instrument: str | None = None
    "Name of an instrument recipe (a2k, nikon-ti2) or path to one."
    pattern: str | None = None
    "File-name pattern, such as 'exp{experiment}_fov{fov}_z{z_um}_t{exposure_ms}ms.tif'."
    manifest: Path | None = None
    "CSV with columns path, page, experiment, fov, exposure_ms, z_um."
    pixel_size_um: float | None = None
    "Side of a pixel in the sample plane, um."
    bead_diameter_um: float | None = None
    "Nominal bead diameter, um."
    serial: str | None = None
    "Serial number of the instrument; default: that of sweep.toml, else of the files."
    z_step_um: Annotated[float | None, Parameter(validator=Number(gt=0))] = None
    "Distance of two frames whose names hold {z_index}, or of two pages of a stack, um."
    channel: str | None = None
    "Name of the channel, or its number from 0; of colour images red, green, blue or mean."
    t: Annotated[int | None, Parameter(validator=Number(gte=0))] = None
    "Number of the time point of files of several, from 0."
    bit_depth: Annotated[int | None, Parameter(validator=Number(gte=8, lte=16))] = None
    "Bits of a pixel that the camera uses, where the files do not state it."

    @property
    def as_dict(self) -> dict[str, Any]:
        """The options as arguments of :func:`refp.open_dataset`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def open(self, paths: list[Path]) -> "list[DataSet]":
        """Open every path as a data set."""
        from refp.sweeps import open_dataset

        return [open_dataset(path, **self.as_dict) for path in paths]


def _check_time_point(_: object, t: object) -> None:
    if isinstance(t, int) and t < 0:
        raise ValueError("must be a number from 0, or all")


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class ImageOptions:
    """The images to read from files."""

    channel: str | None = None
    "Name of the channel, or its number from 0; of colour images red, green, blue or mean."
    t: Annotated[int | Literal["all"] | None, Parameter(validator=_check_time_point)] = None
    "Number of the time point, from 0; default: all, a row each."
    pixel_size_um: float | None = None
    "Side of a pixel, um, in place of the one that the files state."

    @property
    def choice(self) -> "Choice":
        """The pages to read."""
        from refp.sweeps.pages import Choice

        t = None if self.t == "all" else self.t
        return Choice(self.channel or "", t, self.pixel_size_um)

    def open(
        self, card: "ModelCard", paths: list[Path], instrument: str | None = None
    ) -> "list[SingleImage]":
        """List the images, check them against a model, and print the remarks."""
        from refp.cli.console import print_message
        from refp.pipeline.images import open_images

        images, notes = open_images(card, paths, self.choice, instrument=instrument)
        for note in notes:
            print_message(f"note: {note}")
        return images


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class PlaneOptions:
    """The reference plane, where a sweep does not show it."""

    refp_um: float | None = None
    "Nominal Z of a plane that you state for every sweep, um; default: located."
    refp_u_um: Annotated[float, Parameter(validator=Number(gte=0, lt=math.inf))] = 0.0
    "Standard uncertainty of the stated plane, um."
    feature: Literal["both", "ss", "ci"] | None = None
    "Plane of the steepest slope, the centre intensity, or the mean of both; default: the recipe's."

    def apply(self, recipe: "Recipe") -> "Recipe":
        """Return a recipe with these options.

        Raises
        ------
        RecipeError
            If an uncertainty is stated without a plane.
        """
        if self.refp_um is None and self.refp_u_um:
            raise RecipeError("--refp-u-um: states the uncertainty of a plane; add --refp-um")
        if self.refp_um is not None:
            stated = {"plane.stated_um": self.refp_um, "plane.stated_u_um": self.refp_u_um}
            recipe = recipe.replace(stated, source="--refp-um")
        if self.feature is not None:
            recipe = recipe.replace("plane.feature", self.feature, source="--feature")
        return recipe


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Workers of a command."""

    jobs: int | None = None
    "Processes to use; default: one per core."
    scheduler: str | None = None
    "Address of a Dask scheduler, such as tcp://head:8786, whose workers do the work instead."

    def start(self) -> "Workers":
        """Return the workers, which start with the first work.

        Raises
        ------
        WorkersError
            If no scheduler is reached at the address; checked before the data are opened.
        """
        from refp.core.parallel import Workers, default_jobs

        workers = Workers(default_jobs() if self.jobs is None else self.jobs, self.scheduler)
        if self.scheduler is not None:
            workers.crew(0)
        return workers


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """Database of the history."""

    home: Path | None = None
    "Folder of history.db; default: the environment variable REFP_HOME, or a user's data folder."
    database: str | None = None
    "URL of another database, such as postgresql://user@host/name; its password is never shown."

    @property
    def address(self) -> str | Path:
        """URL or file of the database."""
        from refp.history.location import default_database

        return self.database or default_database(self.home)

    @property
    def folder(self) -> Path:
        """Folder of the default database, and of files beside it."""
        from refp.history.location import default_database

        return default_database(self.home).parent

    def open(self, *, create: bool = False) -> "History":
        """Open the history; ``create`` makes a missing one."""
        from refp.history import History

        return History.open(self.address, create=create)


Data = Annotated[list[Path], Parameter(help="Folders, stacks or sweep.toml files.", negative=())]
Output = Annotated[Path, Parameter(name=["--output", "-o"])]
RecipeName = Annotated[
    str, Parameter(name="--recipe", help="Recipe: default, paper, or a TOML file of settings.")
]
MaxBeads = Annotated[
    int | None,
    Parameter(
        help="Use at most this many beads of an image, those nearest to its middle.",
        validator=Number(gte=1),
    ),
]
Serial = Annotated[str, Parameter(help="Serial number of the instrument.")]
GivenSerial = Annotated[
    str, Parameter(help="Serial number of the instrument; default: as each image states.")
]
Way = Literal["up", "down"]
"""Way that the focal plane moves as the Z of the stage rises."""
StageDirection = Annotated[
    Way | None,
    Parameter(
        help="Way that the focal plane moves as the Z of the stage rises; default: as 'refp verify' or "
        "'refp refocus' has found."
    ),
]
Tolerance = Annotated[
    float | None,
    Parameter(
        help="Largest tolerated dZ, um, above and below; gives each image a verdict.",
        validator=Number(gt=0, lt=math.inf),
    ),
]
DIRECTIONS: Mapping[Way | None, "Direction"] = {"up": 1, "down": -1, None: 0}
SEED = Parameter(validator=Number(gte=0))
EXIT_ALL_REFUSED = 3
"""Exit code of a command that refused every image."""
AsJson = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print one JSON list of rows, nothing else.")
]
Overwrite = Annotated[
    bool,
    Parameter(negative=(), help="Replace an existing output; without this option it is an error."),
]


TrustZ = Annotated[
    bool,
    Parameter(negative=(), help="Use the stated Z even where it does not fit the images."),
]


def trusting_z(recipe: "Recipe", *, trust: bool) -> "Recipe":
    """Return a recipe that does not check the stated Z against the images, if it is trusted."""
    return recipe.replace("plane.check_z", False, source="--trust-z") if trust else recipe


def recipe_with_family(name: str, family: str | None) -> "Recipe":
    """Load a recipe, and replace its model family if one is given.

    Raises
    ------
    RecipeError
        If there is no such recipe or family.
    """
    from refp.settings import FamilyName, load_recipe

    recipe = load_recipe(name)
    if family is None:
        return recipe
    if family not in get_args(FamilyName):
        raise RecipeError(f"--family {family}: choose {', '.join(get_args(FamilyName))}")
    return recipe.replace("train.family", family, source=f"--family {family}")
