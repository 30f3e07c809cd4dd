"""Settings of tiles, labels and splits."""

from typing import Literal

from pydantic import Field, PositiveInt

from refp.settings.base import Settings


class TileSettings(Settings):
    """Tiles for families that use pixels."""

    cut: Literal["bead", "grid"] = Field(
        default="bead",
        description="'bead': a tile about every bead; 'grid': the image cut into squares, with or "
        "without beads (the article's pipeline 1)",
    )
    grid_side_px: int = Field(
        default=512, ge=32, multiple_of=2, description="side of the squares of a grid, px"
    )


class LabelSettings(Settings):
    """Origin of the dZ of a tile."""

    plane: Literal["field", "sweep"] = Field(
        default="field",
        description="'field': the weighted mean of the planes of a FOV over its exposures, since a "
        "field has one plane; 'sweep': the plane of each exposure (article)",
    )

    position: Literal["frame", "nominal"] = Field(
        default="frame",
        description="'frame': the position of each frame from the profiles of its beads, corrected for "
        "the stage errors of `refp plane`; 'nominal': the nominal Z of the stage (article)",
    )
    height: Literal["field", "bead"] = Field(
        default="bead",
        description="'field': all beads of a frame have the dZ of the field's plane (article); "
        "'bead': each has that of its own plane, which corrects the label for slide tilt and bead size",
    )


class SplitSettings(Settings):
    """Division of tiles to stop training and to calibrate intervals."""

    by: Literal["field", "random"] = Field(
        default="field",
        description="'field': whole FOVs (beads if there is one FOV), because every frame shows the "
        "same beads; 'random': tiles at random (article)",
    )
    folds: PositiveInt = Field(
        default=5, ge=2, description="number of folds held out in turn, at most one per FOV or bead"
    )
