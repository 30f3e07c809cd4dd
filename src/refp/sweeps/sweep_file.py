"""``sweep.toml``: settings of a data set, stored in its folder."""

from pathlib import Path
from typing import Any, Final

from pydantic import Field, NonNegativeInt, PositiveFloat, ValidationError, model_validator

from refp.core.errors import RecipeError
from refp.settings import Identity, Settings, load_toml, one_line

SWEEP_FILE: Final = "sweep.toml"
Table = dict[str, Any]


class SweepFile(Settings):
    """Name, instrument and layout of a data set; all entries are optional."""

    dataset: str = Field(default="", description="name of the data set; default: its folder's")
    instrument: str = Field(default="", description="recipe name, or path of a recipe file")
    pattern: str = Field(default="", description="pattern of the file names")
    manifest: str = Field(default="", description="table of the frames, instead of a pattern")
    z_step_um: PositiveFloat | None = Field(
        default=None,
        description="distance of two frames whose names hold {z_index}, or of two pages of a "
        "stack, um",
    )
    channel: str = Field(default="", description="name of the channel, or its number from 0")
    t: NonNegativeInt | None = Field(
        default=None, description="number of the time point, from 0; default: there is one"
    )
    optics: Table = Field(default={}, description="overrides of the recipe's optics")
    bead: Table = Field(default={}, description="overrides of the recipe's bead")
    stage: Table = Field(default={}, description="overrides of the recipe's stage")

    identity: Identity = Field(
        default=Identity(), description="serial number, objective and condenser setting"
    )

    @model_validator(mode="after")
    def _one_layout(self) -> "SweepFile":
        if self.pattern and self.manifest:
            raise ValueError("both pattern and manifest are given; keep one")
        return self

    @property
    def overrides(self) -> dict[str, Table]:
        """The non-empty tables that override a recipe."""
        tables = {"optics": self.optics, "bead": self.bead, "stage": self.stage}
        return {name: table for name, table in tables.items() if table}


def read_sweep_file(path: Path) -> SweepFile:
    """Read a ``sweep.toml``.

    Raises
    ------
    RecipeError
        If the file is not TOML, or a key is unknown or wrong; the message names file and key.
    """
    return make_sweep_file(load_toml(path), str(path))


def make_sweep_file(table: Table, source: str) -> SweepFile:
    """Make a :class:`SweepFile` from a table.

    Raises
    ------
    RecipeError
        If an entry is wrong; the message names ``source``, the key and its value.
    """
    try:
        return SweepFile.model_validate(table)
    except ValidationError as error:
        raise RecipeError(one_line(error, source)) from error
