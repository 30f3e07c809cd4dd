"""What training hands on: an ensemble that predicts, and a card that says what it is."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import Field

from refp.core.arrays import BoolArray, FloatArray
from refp.plane.plane import PooledStack
from refp.settings import FamilyName, Instrument, Settings

FORMAT_VERSION = 3
"""Of the model file; a program refuses a file of a newer one."""


class Calibration(Settings):
    """What held-out beads taught about errors, and what a training image looks like."""

    bead_factor: float = Field(
        description="multiplies the standard deviation that members state of a bead; the standard "
        "deviation itself, um, where they state none"
    )
    height_um: float = Field(
        description="standard deviation of beads' own planes about the slide, um"
    )
    rise_um_per_size: float = Field(
        description="how far a bead's own plane rises with its relative size, um"
    )
    refp_u_um: float = Field(description="standard uncertainty of the labels' reference plane, um")
    stage_u_um: float = Field(
        description="standard uncertainty from the stage's errors that the labels still carry, um"
    )
    model_u_um: float = Field(
        description="standard uncertainty of the ensemble: what all beads of a held-out image are "
        "wrong by together, um"
    )
    size_sd: float = Field(
        description="relative standard deviation of bead sizes; 0 where they are not known"
    )
    n_sizes: int = Field(description="beads that sizes were compared of")
    reduced_chi2: float = Field(
        description="reduced chi squared of an image without noise against the pooled stack"
    )
    reduced_chi2_noise: float = Field(
        description="reduced chi squared that noise adds, over its variance relative to the light "
        "squared"
    )
    noise_floor: float = Field(description="variance of a pixel without light, grey levels squared")
    noise_gain: float = Field(description="variance that a grey level of light adds, grey levels")
    maximum_reduced_chi2: float = Field(
        description="limit of the reduced chi squared over its expected value; above it an image is "
        "unlike the training"
    )
    maximum_disagreement_um: float = Field(
        description="largest distance between the family's dZ and the look-up's, um"
    )
    held_out: str = Field(description="what was held out: field, bead, frames or random")
    n_images: int = Field(description="held-out images that the calibration rests on")
    rms_um: float = Field(description="RMS error of held-out images against their labels, um")

    def relative_chi2(self, reduced_chi2: float, light: float, noise: float) -> float:
        """Return a reduced chi squared over that expected of an image's light and noise; 1 is usual."""
        return reduced_chi2 / (self.reduced_chi2 + self.reduced_chi2_noise * (noise / light) ** 2)

    def expected_noise(self, light: float) -> float:
        """Return the standard deviation of a pixel at an image's light, grey levels."""
        return math.sqrt(self.noise_floor + self.noise_gain * light)


class ResponseLine(Settings):
    """What is said of a true dZ: ``bias + slope * dZ``."""

    bias_um: float = Field(description="what is said in the reference plane, um")
    slope: float = Field(gt=0, description="what is said more for a micrometre more")


class Adaptation(Settings):
    """How a model's answers are off on the instrument that it was adapted to."""

    source: str = Field(description="name of the model that was adapted")
    sweeps: tuple[str, ...] = Field(description="sweeps that it was adapted from")
    n_images: int = Field(description="images of known dZ")
    data_sha256: str = Field(description="hash over those images' bytes")
    line: ResponseLine = Field(description="of the family")
    bias_u_um: float = Field(description="standard uncertainty of the bias, um")
    slope_u: float = Field(description="standard uncertainty of the slope")
    covariance_um: float = Field(description="covariance of bias and slope, um")
    residual_um: float = Field(
        description="standard deviation of images about the line beyond stage and beads, um"
    )
    lookup: ResponseLine = Field(description="of the look-up")
    size: float = Field(gt=0, description="typical bead radius over that of the training's beads")


class ModelCard(Settings):
    """What a model is, what it was made from, and where it may be used."""

    format_version: int = FORMAT_VERSION
    name: str = Field(description="family, instrument and the first digits of the content's hash")
    family: FamilyName
    members: int
    instrument: Instrument
    dz_range_um: tuple[float, float] = Field(description="dZ of the training tiles, um")
    minimum_beads: int = Field(description="fewest usable beads of an image that is estimated")
    n_tiles: int
    n_beads: int
    sweeps: tuple[str, ...]
    conditions: str = Field(description="one line: images, exposures, planes")
    recipe: dict[str, Any] = Field(description="every setting that the model was made with")
    versions: dict[str, str] = Field(description="of refp and the libraries it was trained with")
    data_sha256: str = Field(description="hash over the training frames' bytes")
    calibration: Calibration
    adaptation: Adaptation | None = Field(
        default=None, description="to another instrument; none where it was trained for this one"
    )


@dataclass(frozen=True, slots=True)
class BeadInputs:
    """What a family may see of ``n`` beads of one image.

    Attributes
    ----------
    profile
        Shape ``(n, m)``, over background, on the radii of the training.
    saturated
        Shape ``(n, m)``: the ring has a pixel at the white level.
    light
        Shape ``(n,)``, background less black level, grey levels.
    noise
        Shape ``(n,)``, standard deviation of a background pixel, grey levels; NaN where not known.
    whiteness
        Shape ``(n,)``: 1 where that noise is white, less where neighbouring pixels are correlated;
        NaN where not known.
    pixels
        Shape ``(n, side, side)`` grey levels, or ``(n, 0, 0)`` for families without ``sees_pixels``.
    offset_px
        Shape ``(n, 2)``, ``(y, x)``: places from the middle of the image.
    """

    profile: FloatArray
    saturated: BoolArray
    light: FloatArray
    noise: FloatArray
    whiteness: FloatArray
    pixels: FloatArray
    offset_px: FloatArray

    def __len__(self) -> int:
        return int(self.profile.shape[0])

    @property
    def saturated_fraction(self) -> FloatArray:
        """Share of each bead's rings that are saturated, shape ``(n,)``; 0 of what has no rings."""
        share: FloatArray = self.saturated.sum(axis=1) / max(self.saturated.shape[1], 1)
        return share


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the members say of ``n`` beads.

    Attributes
    ----------
    dz_um
        Shape ``(members, n)``.
    sd_um
        Shape ``(members, n)``: each member's own standard deviation; NaN where it states none.
    """

    dz_um: FloatArray
    sd_um: FloatArray


class Predictor(Protocol):
    """A trained family, ready to predict."""

    @property
    def sees_pixels(self) -> bool:
        """Whether it needs the beads' tiles."""
        ...

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ of every bead by every member."""
        ...


@dataclass(frozen=True, slots=True)
class Ensemble:
    """A model as it lies in its file.

    Attributes
    ----------
    card
        What it is.
    stack
        The pooled stack: the look-up family itself, and every family's second opinion.
    graph
        ONNX graph with all members; empty for the look-up family.
    """

    card: ModelCard
    stack: PooledStack
    graph: bytes
