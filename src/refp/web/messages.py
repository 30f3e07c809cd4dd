"""Values that the server process and its workers exchange."""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, Field

from refp.history.stage import Direction

Row = dict[str, object]
"""A row as ``refp estimate --json`` prints it; ``None`` for an unknown value."""


@dataclass(frozen=True, slots=True)
class Requester:
    """The operator of a request, the purpose of its images (``daily`` or empty), their serial number.

    ``serial`` is that of the instrument of images that state none themselves.
    """

    operator: str = ""
    purpose: str = ""
    serial: str = ""


ANONYMOUS = Requester()


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """Channel, time point and pixel size of a request, as of :class:`refp.sweeps.pages.Choice`.

    The server process imports no library of science, and therefore not that class.
    """

    channel: str = ""
    t: int | None = None
    pixel_size_um: float | None = None


ALL_IMAGES = ImageChoice()


@dataclass(frozen=True, slots=True)
class Task:
    """One file to estimate.

    Attributes
    ----------
    model
        Model file.
    path
        The image file on this machine.
    name
        Name of the file in rows and messages, in place of ``path``.
    tolerance_um
        Tolerance of the verdict, um; ``None``: no verdict.
    most_pixels, most_planes
        Largest number of pixels of an image, and of pages of a file; larger ones are refused.
    history
        Database of the history; empty without a history.
    requester
        Operator and purpose, for the record.
    choice
        Channel, time point and pixel size of the images in the file.
    direction
        Direction of the stage as given for the server; 0: that of each instrument.
    """

    model: Path
    path: Path
    name: str
    tolerance_um: float | None
    max_pixels: int
    max_pages: int
    history: str = ""
    requester: Requester = ANONYMOUS
    choice: ImageChoice = ALL_IMAGES
    direction: Direction = 0


@dataclass(frozen=True, slots=True)
class BeadView:
    """A bead of an image: its position, its use in the estimate, and its radial profile.

    Attributes
    ----------
    y_px, x_px
        Centre of the bead.
    used, reason
        Whether the estimate uses the bead, and the reason.
    dz_um
        dZ of this bead alone by the look-up; ``None`` if unknown.
    profile
        Intensity over background at ``ImageView.radius_radii``; ``None`` where saturated.
    """

    y_px: float
    x_px: float
    used: bool
    reason: str
    dz_um: float | None
    profile: list[float | None]


@dataclass(frozen=True, slots=True)
class LookupComparison:
    """dZ of an image by the family and by the look-up, um, and the limit of their difference."""

    family: str
    family_um: float
    lookup_um: float
    limit_um: float

    @property
    def difference_um(self) -> float:
        """Absolute difference of the two, um."""
        return abs(self.family_um - self.lookup_um)


@dataclass(frozen=True, slots=True)
class ImageView:
    """An image with its beads, for display.

    Attributes
    ----------
    png
        The image, grey of 8 bits between its 0.1th and 99.9th percentile.
    height_px, width_px
        Size of the image; the PNG may be smaller.
    radius_px
        Nominal radius of a bead, px.
    radius_radii
        Distances of the profiles from a bead's centre, in bead radii.
    pooled, pooled_sd
        Profile of the pooled stack at the dZ of the image, and the standard deviation of beads;
        empty for a refused image.
    """

    png: bytes = field(repr=False)
    height_px: int
    width_px: int
    radius_px: float
    beads: list[BeadView]
    radius_radii: list[float]
    pooled: list[float]
    pooled_sd: list[float]
    comparison: LookupComparison | None


class EarlierRecord(BaseModel):
    """The newest earlier record of the same image file, by its content."""

    recorded_at: str = Field(description="ISO 8601 with zone")
    image: str = Field(description="name of the file then")
    operator: str = Field(description="operator; empty if unknown")


@dataclass(frozen=True, slots=True)
class PageEstimate:
    """The estimate of one page of a file, with the digests that the history records.

    ``record_id`` is the id of the record, empty without a history; ``earlier`` is an earlier record of
    the same file.
    """

    row: Row
    page: int
    image_sha256: str
    model_sha256: str
    view: ImageView | None = None
    record_id: str = ""
    earlier: EarlierRecord | None = None

    @property
    def code(self) -> str:
        """Code of the refusal; empty for an estimate."""
        return str(self.row["reason"]).partition(":")[0]

    @property
    def sentence(self) -> str:
        """Sentence of the refusal; empty for an estimate."""
        return str(self.row["reason"]).partition(": ")[2]


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """A selection of records; times in ISO 8601; an empty field selects all."""

    instrument: str = ""
    since: str = ""
    until: str = ""
    kind: str = ""
    purpose: str = ""
    with_corrected: bool = False
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class ChartQuery:
    """A selection of a control chart; times and empty fields as of :class:`RecordQuery`.

    ``series`` is ``daily`` for daily checks, or ``all`` for all estimates.
    """

    instrument: str = ""
    quantity: str = "delta_z_um"
    baseline: str = ""
    since: str = ""
    until: str = ""
    series: str = "daily"


@dataclass(frozen=True, slots=True)
class DailyCheck:
    """The result of a daily check.

    Attributes
    ----------
    record
        The record, as ``refp history list --json`` prints it.
    baseline
        Name of the frozen limits; empty without limits.
    in_control
        Whether the value is within the tolerance and no rule except the warning fired; ``None`` without
        limits or without a number.
    rules
        Rules that fired, the gravest first: ``rule, meaning, action``.
    state
        State of the value, as of :data:`refp.history.PointState`.
    tolerance_um
        Largest tolerated absolute dZ, um; ``None`` without a tolerance.
    action
        Gravest action to take; empty where none is needed.
    notes
        Sentences on limits that are missing, or wider than the tolerance.
    earlier
        An earlier record of the same image file, by its content.
    """

    record: Row
    baseline: str
    in_control: bool | None
    rules: list[Row]
    state: str
    tolerance_um: float | None
    action: str
    notes: list[str]
    earlier: EarlierRecord | None = None


@dataclass(frozen=True, slots=True)
class HistoryView:
    """Content of the history page of an instrument.

    Attributes
    ----------
    instruments
        Instruments with records.
    query
        The selection; without an instrument, that of the newest record.
    rows
        Records, the newest first, as ``refp history list --json`` prints them.
    baselines
        Frozen limits of instrument and quantity, in the order of freezing.
    chart
        The chart as the API returns it, with ``findings``, the newest values that fail or warn, in place of
        ``firings``; empty without a value.
    period
        First day of the chart, and the day after its last.
    check
        The last daily check.
    states
        State of the dZ of daily checks among the records, as of :data:`refp.history.PointState`, by id.
    """

    instruments: list[str]
    query: ChartQuery
    rows: list[Row] = field(default_factory=list)
    baselines: list[Row] = field(default_factory=list)
    chart: Row = field(default_factory=dict)
    period: tuple[str, str] = ("", "")
    check: DailyCheck | None = None
    states: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveView:
    """Content of the page Live.

    Attributes
    ----------
    instruments
        Instruments with records.
    rows
        Estimates, the newest first, as ``refp history list --json`` prints them, with the verdict where a
        tolerance is given, else the status; the newest with ``stage_move_um``.
    rules
        Control rules that reject the newest one.
    """

    instruments: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    rules: tuple[str, ...] = ()

    @property
    def newest_id(self) -> str:
        """Id of the newest record; empty without one."""
        return str(self.rows[0]["id"]) if self.rows else ""


class ModelUsage(BaseModel):
    """Use of a model, from the history."""

    n_estimates: int = Field(description="recorded images, refused ones included")
    last_at: str = Field(description="time of the newest, ISO 8601 with zone; empty if none")
    instruments: list[str] = Field(description="instruments of these images")


class InstrumentVerification(BaseModel):
    """State of the last verification of a model on an instrument."""

    instrument: str = Field(description="instrument with its serial number")
    outcome: str = Field(description="pass, fail or inconclusive")
    state: str = Field(description="state in a few words, such as 'verified until 2026-04-30'")
    valid: bool = Field(description="whether estimates of this instrument are verified now")
    verified_at: str = Field(description="ISO 8601 with zone")
    valid_until: str = Field(description="ISO 8601 with zone")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model file, or the error of loading it; ``lines`` are those of ``refp model show``."""

    path: Path
    name: str
    card: dict[str, object]
    lines: list[tuple[str, str]]
    sha256: str
    error: str = ""

    @property
    def title(self) -> str:
        """Name that the user gave: that of the file."""
        return self.path.stem
