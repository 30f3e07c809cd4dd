"""What a worker tells of one image."""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, Field

Row = dict[str, object]
"""As ``refp estimate --json`` prints it: what is not known is ``None``."""


@dataclass(frozen=True, slots=True)
class By:
    """Who asks, and what the images are for (``daily`` for the daily check; else empty)."""

    operator: str = ""
    purpose: str = ""


NOBODY = By()


@dataclass(frozen=True, slots=True)
class Task:
    """One file to estimate.

    Attributes
    ----------
    model
        Model file.
    path
        The image file as it lies on this machine.
    name
        What its owner calls it; stands in rows and messages in place of ``path``.
    tolerance_um
        For the verdict; none where it is not asked for.
    most_pixels, most_planes
        Beyond these an image, or a stack, is refused.
    history
        Database that the estimate is recorded in; empty where none is kept.
    by
        What its record says of who asked.
    """

    model: Path
    path: Path
    name: str
    tolerance_um: float | None
    most_pixels: int
    most_planes: int
    history: str = ""
    by: By = NOBODY


@dataclass(frozen=True, slots=True)
class BeadView:
    """A bead in a picture: its place, whether it counted or why not, and its profile.

    Attributes
    ----------
    y_px, x_px
        Its centre.
    used, why
        Whether the estimate rests on it; a sentence.
    dz_um
        What the look-up says of it alone; ``None`` where nothing.
    profile
        Intensity over background on ``ImageView.radius_radii``; ``None`` where it is saturated.
    """

    y_px: float
    x_px: float
    used: bool
    why: str
    dz_um: float | None
    profile: list[float | None]


@dataclass(frozen=True, slots=True)
class Opinions:
    """What family and look-up say of an image, um, and how far apart they may be."""

    family: str
    family_um: float
    lookup_um: float
    limit_um: float

    @property
    def apart_um(self) -> float:
        """Distance between the two."""
        return abs(self.family_um - self.lookup_um)


@dataclass(frozen=True, slots=True)
class ImageView:
    """An image to look at.

    Attributes
    ----------
    png
        The image, grey of 8 bits between its 0.1th and 99.9th percentile.
    height_px, width_px
        Of the image itself; the picture may be smaller.
    radius_px
        Nominal radius of a bead.
    radius_radii
        Distances of the profiles from a bead's centre, in bead radii.
    pooled, pooled_sd
        The pooled stack's profile at the image's dZ and the scatter of beads about it; empty for an
        image that was refused.
    """

    png: bytes = field(repr=False)
    height_px: int
    width_px: int
    radius_px: float
    beads: list[BeadView]
    radius_radii: list[float]
    pooled: list[float]
    pooled_sd: list[float]
    opinions: Opinions | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The estimate of one plane of one file, with what a history needs to name its origin.

    ``record_id`` is that of its record; empty where no history is kept.
    """

    row: Row
    page: int
    image_sha256: str
    model_sha256: str
    view: ImageView | None = None
    record_id: str = ""

    @property
    def code(self) -> str:
        """Code of the refusal; empty where there is none."""
        return str(self.row["reason"]).partition(":")[0]

    @property
    def sentence(self) -> str:
        """Sentence of the refusal; empty where there is none."""
        return str(self.row["reason"]).partition(": ")[2]


@dataclass(frozen=True, slots=True)
class Records:
    """Which records are asked for; times are ISO 8601, what is empty is no limit."""

    instrument: str = ""
    since: str = ""
    until: str = ""
    kind: str = ""
    purpose: str = ""
    with_corrected: bool = False
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which control chart is asked for; times and emptiness as of :class:`Records`."""

    instrument: str = ""
    quantity: str = "delta_z_um"
    baseline: str = ""
    since: str = ""
    until: str = ""
    only: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """What a daily check came to.

    Attributes
    ----------
    record
        Its record, as ``refp history list --json`` prints it.
    baseline
        Name of the limits that it is held against; empty without any.
    in_control
        Whether no rule but the warning fired; ``None`` without limits or without a number.
    rules
        Those that fired: ``rule, meaning, action``.
    """

    record: Row
    baseline: str
    in_control: bool | None
    rules: list[Row]


@dataclass(frozen=True, slots=True)
class Past:
    """What the page of an instrument shows.

    Attributes
    ----------
    instruments
        All that there are records of.
    asked
        What is shown, its instrument the newest record's where none was named.
    rows
        Records, the newest first, as ``refp history list --json`` prints them.
    baselines
        Frozen ones of instrument and quantity, in the order in which they were frozen.
    chart
        The chart as the API tells it, but of its firings the last alone; empty without a value.
    period
        First day of the chart and the one after its last.
    check
        The last daily check.
    """

    instruments: list[str]
    asked: Asked
    rows: list[Row] = field(default_factory=list)
    baselines: list[Row] = field(default_factory=list)
    chart: Row = field(default_factory=dict)
    period: tuple[str, str] = ("", "")
    check: Check | None = None


class ModelUsage(BaseModel):
    """Where a model was used, by the history."""

    n_estimates: int = Field(description="images that were recorded with it, refused ones too")
    last_at: str = Field(description="time of the newest, ISO 8601 with zone; empty if never")
    instruments: list[str] = Field(description="what it was used on")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model file, or what is wrong with it; ``lines`` are those of ``refp model show``."""

    path: Path
    name: str
    card: dict[str, object]
    lines: list[tuple[str, str]]
    sha256: str
    error: str = ""
