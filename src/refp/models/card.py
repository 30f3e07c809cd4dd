"""Result of training: an ensemble that predicts, and its card."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pydantic import Field

from refp.core.arrays import BoolArray, FloatArray
from refp.core.digests import Contents
from refp.core.labels import SIGNIFICANT
from refp.plane.plane import PooledStack
from refp.settings import FamilyName, Identity, Instrument, Settings

WHITE = (0.9, 1.07)
"""Whiteness over the training's. Six beads give 1 within 0.05 for white noise; interpolation leaves 0.8
at most, filters 0.85, and sharpening gives 1.1."""
NOISE_SIGMAS = 3.0
MIN_NOISE_SPREAD = 0.01
"""Relative; the noise of a few beads is not measured better."""
MIN_NOISE = 0.3
"""Grey levels; rounding alone is 0.29."""
MIN_CHI2 = 1e-3
"""Of an image without noise, by a model whose training showed none but noise."""
FORMAT_VERSION = 5
"""Version of the model file's format; files of other versions are refused."""
FILE_DIGITS = 16
"""Hexadecimal digits of a file's digest that a card keeps; two files do not share them by chance."""


class PixelNoise(Settings):
    """Noise of the training's images, with which the noise of an image is compared."""

    floor: float = Field(ge=0, description="variance of a pixel without light, grey levels squared")
    gain: float = Field(ge=0, description="variance that a grey level of light adds, grey levels")
    spread: float = Field(ge=0, description="relative standard deviation among images of one light")
    whiteness: float = Field(
        gt=0, description="1 for white noise, less where camera or format correlate neighbours"
    )
    whiteness_range: tuple[float, float] = Field(
        default=WHITE, description="range of an image's whiteness over this one; rings disturb it"
    )

    def expected(self, light: float) -> float:
        """Return the standard deviation of a pixel at an image's light, both in grey levels."""
        return math.sqrt(self.floor + self.gain * light)

    def relative(self, light: float, noise: float) -> float:
        """Return an image's noise over that expected of its light; 1 where they cannot be compared."""
        expected = self.expected(light)
        return noise / expected if expected >= MIN_NOISE and math.isfinite(noise) else 1.0

    def agrees(self, light: float, noise: float) -> bool:
        """Return whether light and noise of an image go together as in the training.

        An offset or a stretch of grey levels changes one without the other; a lamp or an exposure
        changes both.
        """
        limit = NOISE_SIGMAS * max(self.spread, MIN_NOISE_SPREAD)
        return abs(math.log(max(self.relative(light, noise), 1e-6))) <= limit


class StageCurve(Settings):
    """Standard uncertainty from stage errors that remain in the labels, against dZ."""

    dz_um: tuple[float, ...] = Field(min_length=1, description="dZ, rising, um")
    u_um: tuple[float, ...] = Field(min_length=1, description="standard uncertainty there, um")
    dof: float = Field(gt=0, description="degrees of freedom of the stage's repeatability")

    def at(self, dz_um: float) -> float:
        """Return the standard uncertainty at a dZ; beyond the ends, that of the end."""
        return float(np.interp(dz_um, self.dz_um, self.u_um))


class ResidualSpread(Settings):
    """Covariances of the residual profiles of held-out beads, in units of the stack's spread."""

    image: tuple[tuple[float, ...], ...] = Field(
        description="covariance of rings that all beads of an image have in common"
    )
    bead: tuple[tuple[float, ...], ...] = Field(
        description="covariance of rings of single beads about their image"
    )
    reduced_chi2: float = Field(
        gt=0, description="reduced chi squared expected of the noise of these images"
    )
    maximum_t_squared: float = Field(
        description="limit of T squared a ring; above it an image is unlike the training"
    )


class Coverage(Settings):
    """Observed coverage of the intervals of held-out images, beside the nominal one."""

    nominal: float = Field(description="nominal coverage")
    observed: float = Field(
        description="fraction of intervals, before any widening, that hold their label, the "
        "uncertainty of the label included"
    )
    n_images: int = Field(ge=1, description="held-out images")
    n_effective: float = Field(
        gt=0, description="number of independent images of the same information"
    )
    p_value: float = Field(
        description="probability of so low a coverage if the nominal one were true (exact binomial "
        "test, one-sided)"
    )

    @property
    def is_low(self) -> bool:
        """Whether the observed coverage is significantly below the nominal one."""
        return self.p_value < SIGNIFICANT


class Calibration(Settings):
    """Errors of held-out beads, and limits of refusal."""

    bead_factor: float = Field(
        description="multiplies the standard deviation that members state of a bead; the standard "
        "deviation itself, um, where they state none"
    )
    height_um: float = Field(
        description="standard deviation of beads' own planes about the slide, um"
    )
    rise_um_per_size: float = Field(
        description="rise of a bead's own plane with its relative size, um"
    )
    beads_dof: float = Field(description="degrees of freedom of the scatter of beads")
    refp_u_um: float = Field(
        description="standard uncertainty of the labels' reference plane without stage errors, um"
    )
    refp_dof: float = Field(description="its degrees of freedom")
    stage: StageCurve
    model_u_um: float = Field(
        description="standard uncertainty of the ensemble: error that all beads of a held-out image "
        "have in common, um"
    )
    model_dof: float = Field(description="its degrees of freedom")
    size_sd: float = Field(description="relative standard deviation of bead sizes; 0 where unknown")
    n_sizes: int = Field(description="number of beads with a known size")
    reduced_chi2: float = Field(
        description="reduced chi squared of an image without noise against the pooled stack"
    )
    reduced_chi2_noise: float = Field(
        description="reduced chi squared that noise adds, over its variance relative to the light "
        "squared"
    )
    noise: PixelNoise
    maximum_reduced_chi2: float = Field(
        description="limit of the reduced chi squared over its expected value; above it an image is "
        "unlike the training"
    )
    residuals: ResidualSpread
    maximum_disagreement_um: float = Field(
        description="largest distance between the family's dZ and the look-up's, um"
    )
    held_out: str = Field(description="kind of held-out groups: field, bead, frames or random")
    n_images: int = Field(description="held-out images of the calibration")
    rms_um: float = Field(description="RMS error of held-out images against their labels, um")
    coverage: Coverage | None = Field(
        default=None, description="coverage of held-out intervals; none where it was not observed"
    )
    widening: float = Field(
        default=1.0,
        ge=1.0,
        description="factor on all intervals, by which those of held-out images hold the nominal "
        "fraction of labels; 1 unless their coverage was significantly below it",
    )

    def relative_chi2(
        self, reduced_chi2: float, light: float, noise: float, added: float = 0.0
    ) -> float:
        """Return a reduced chi squared over that expected of an image's light and noise; 1 is usual.

        ``added`` is expected besides, of an alteration.
        """
        return reduced_chi2 / (self.expected_chi2(light, noise) + added)

    def expected_chi2(self, light: float, noise: float) -> float:
        """Return the reduced chi squared expected of an image's light and noise, in grey levels."""
        variance = (noise / light) ** 2 if math.isfinite(noise) else 0.0
        return max(self.reduced_chi2 + self.reduced_chi2_noise * variance, MIN_CHI2)


class ResponseLine(Settings):
    """Estimate of a true dZ: ``bias + slope * dZ``."""

    bias_um: float = Field(description="estimate in the reference plane, um")
    slope: float = Field(gt=0, description="slope of estimate against true dZ")


class Deviation(Settings):
    """Mean residual profile of another instrument's beads against dZ, in units of the stack's spread."""

    dz_um: tuple[float, ...] = Field(
        min_length=1, description="adapted dZ of the images, rising, um"
    )
    residual: tuple[tuple[float, ...], ...] = Field(
        min_length=1, description="mean residual of each ring in each image, 0 where not known"
    )
    n_beads: int = Field(ge=1, description="typical number of beads of an image")

    def at(self, dz_um: FloatArray) -> FloatArray:
        """Return the residual profiles at values of dZ, shape ``(n, k)``.

        They are interpolated between the images, and those of the outermost image beyond it.
        """
        rings = np.array(self.residual).T
        return np.array([np.interp(dz_um, self.dz_um, ring) for ring in rings]).T


class Adaptation(Settings):
    """Correction of a model's estimates on the instrument that it was adapted to."""

    source: str = Field(description="name of the model that was adapted")
    sweeps: tuple[str, ...] = Field(description="sweeps of the adaptation")
    n_images: int = Field(description="images of known dZ")
    data_sha256: str = Field(description="digest over those images' bytes")
    line: ResponseLine = Field(description="line of the family's estimates")
    bias_u_um: float = Field(
        description="standard uncertainty of the bias, that of the plane (refp_u_um) left out, um"
    )
    slope_u: float = Field(description="standard uncertainty of the slope")
    covariance_um: float = Field(description="covariance of bias and slope, um")
    residual_um: float = Field(
        description="standard deviation of images about the line beyond stage and beads, um"
    )
    lookup: ResponseLine = Field(description="line of the look-up's estimates")
    size: float = Field(gt=0, description="typical bead radius over that of the training's beads")
    deviation: Deviation


class ModelCard(Settings):
    """Properties of a model, its training data and its range."""

    format_version: int = FORMAT_VERSION
    name: str = Field(description="family, instrument and the first digits of the content's digest")
    family: FamilyName
    members: int
    instrument: Instrument
    dz_range_um: tuple[float, float] = Field(description="dZ of the training tiles, um")
    minimum_beads: int = Field(description="fewest usable beads of an image that is estimated")
    n_tiles: int
    n_beads: int
    sweeps: tuple[str, ...]
    conditions: str = Field(description="one line: images, exposures, planes")
    recipe: dict[str, Any] = Field(description="all settings of the training")
    versions: dict[str, str] = Field(
        description="versions of refp and of the libraries of the training"
    )
    data_sha256: str = Field(description="digest over the training frames' bytes")
    files_sha256: tuple[str, ...] = Field(
        description=f"first {FILE_DIGITS} digits of the digest of each file of the training and of the "
        "adaptation"
    )
    calibration: Calibration
    identity: Identity = Field(
        default=Identity(),
        description="serial number, objective and condenser setting of the training's instrument",
    )
    adaptation: Adaptation | None = Field(
        default=None,
        description="adaptation to another instrument; none for a model trained on its instrument",
    )

    @property
    def bias_u_um(self) -> float:
        """Standard uncertainty of the bias that an adaptation corrects, um; 0 without one."""
        found = self.adaptation
        if found is None:
            return 0.0
        return math.hypot(found.bias_u_um, found.line.slope * self.calibration.refp_u_um)

    def was_trained_on(self, sha256: str) -> bool:
        """Return whether a file with this digest of its bytes was in the training or the adaptation."""
        return sha256[:FILE_DIGITS] in self.files_sha256


def short_digests(paths: Iterable[Path], contents: Contents) -> tuple[str, ...]:
    """Return the first digits of the digests of files, for a card."""
    return tuple(sorted({contents.of(path)[:FILE_DIGITS] for path in paths}))


def typical_noise(noise: FloatArray) -> float:
    """Return the median noise of beads ``(n,)``, grey levels; NaN where it is not known."""
    known = noise[np.isfinite(noise)]
    return float(np.median(known)) if len(known) else float("nan")


def typical_whiteness(whiteness: FloatArray) -> float:
    """Return the median whiteness of the noise of beads ``(n,)``; 1 where it is not known."""
    known = whiteness[np.isfinite(whiteness)]
    return float(np.median(known)) if len(known) else 1.0


@dataclass(frozen=True, slots=True)
class BeadInputs:
    """Model inputs of ``n`` beads of one image.

    Attributes
    ----------
    profile
        Shape ``(n, m)``, over background, on the radii of the training.
    saturated
        Shape ``(n, m)``: the ring has a pixel at the white level.
    light
        Shape ``(n,)``, background less black level, grey levels.
    black_level
        Shape ``(n,)``, grey levels of a pixel without light; 0 where not known.
    noise
        Shape ``(n,)``, standard deviation of a background pixel, grey levels; NaN where not known.
    whiteness
        Shape ``(n,)``: 1 where that noise is white, less where neighbouring pixels are correlated;
        NaN where not known.
    pixels
        Shape ``(n, side, side)`` grey levels, or ``(n, 0, 0)`` for families without ``sees_pixels``.
    offset_px
        Shape ``(n, 2)``, ``(y, x)``: positions from the middle of the image.
    """

    profile: FloatArray
    saturated: BoolArray
    light: FloatArray
    black_level: FloatArray
    noise: FloatArray
    whiteness: FloatArray
    pixels: FloatArray
    offset_px: FloatArray

    def __len__(self) -> int:
        return int(self.profile.shape[0])

    @property
    def saturated_fraction(self) -> FloatArray:
        """Fraction of saturated rings of each bead, shape ``(n,)``; 0 without rings."""
        fraction: FloatArray = self.saturated.sum(axis=1) / max(self.saturated.shape[1], 1)
        return fraction

    @property
    def light_and_noise(self) -> tuple[float, float]:
        """Light and noise of the typical bead, grey levels; the noise is NaN where not known."""
        return float(np.median(self.light)), typical_noise(self.noise)


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions of ``n`` beads by the members.

    Attributes
    ----------
    dz_um
        Shape ``(members, n)``, um.
    sd_um
        Shape ``(members, n)``: standard deviation stated by each member, um; NaN where it states none.
    """

    dz_um: FloatArray
    sd_um: FloatArray


class Predictor(Protocol):
    """A trained family that predicts dZ."""

    @property
    def sees_pixels(self) -> bool:
        """Whether the family needs the beads' tiles."""
        ...

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ of every bead by every member."""
        ...


@dataclass(frozen=True, slots=True)
class Ensemble:
    """A model as stored in its file.

    Attributes
    ----------
    card
        Properties of the model.
    stack
        The pooled stack: the look-up family itself, and the comparison for every other family.
    graph
        ONNX graph with all members; empty for the look-up family.
    """

    card: ModelCard
    stack: PooledStack
    graph: bytes
