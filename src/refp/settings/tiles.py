"""Settings of tiles, labels and splits."""

from typing import Literal

from pydantic import Field, PositiveInt

from refp.settings.base import Settings


class TileSettings(Settings):
    """What families that see pixels see."""

    cut: Literal["bead", "grid"] = Field(
        default="bead",
        description="'bead': a tile about every bead; 'grid': the image cut into squares, whatever "
        "they show (the article's pipeline 1)",
    )
    grid_side_px: int = Field(
        default=512, ge=32, multiple_of=2, description="side of the squares of a grid, px"
    )


class LabelSettings(Settings):
    """What a tile's dZ is measured from."""

    plane: Literal["field", "sweep"] = Field(
        default="field",
        description="'field': the weighted mean of a FOV's planes over its exposures, since a field "
        "has one plane; 'sweep': each exposure's own plane (article)",
    )

    position: Literal["frame", "nominal"] = Field(
        default="frame",
        description="'frame': where each frame truly lies, as its beads' profiles tell "
        "(`refp plane`'s stage errors); 'nominal': where the stage was told to go (article)",
    )
    height: Literal["field", "bead"] = Field(
        default="bead",
        description="'field': all beads of a frame have the dZ of the field's plane (article); "
        "'bead': each has that of its own plane, which takes slide tilt and bead size out of the "
        "label",
    )


class SplitSettings(Settings):
    """How tiles are held out to stop training and to calibrate intervals."""

    by: Literal["field", "random"] = Field(
        default="field",
        description="'field': whole FOVs (beads where there is one FOV), because the same bead "
        "stands in every frame; 'random': tiles at random (article)",
    )
    folds: PositiveInt = Field(
        default=5, ge=2, description="parts that are held out in turn, at most one per FOV or bead"
    )
