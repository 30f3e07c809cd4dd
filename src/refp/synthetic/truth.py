"""What is true of a simulated data set, and ``truth.json``."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from refp.core.errors import DataError
from refp.core.files import write_json
from refp.sweeps.frame import Name

TRUTH_FILE: Final = "truth.json"
CONVENTION: Final = (
    "z up = focal plane moves up; delta_z = z - REFP; positive = focal plane above the REFP; "
    "tilt_um_per_px = [x, y]"
)


@dataclass(frozen=True, slots=True)
class TruthBead:
    """A bead.

    Attributes
    ----------
    y_px, x_px
        Centre.
    radius_um
        Radius.
    refp_um
        Z of its own plane.
    outlier, touching, border
        What is special about it.
    index, focus_um
        Refractive index, and Z at which its middle is in focus; not all truth files know them.
    """

    y_px: float
    x_px: float
    radius_um: float
    refp_um: float
    outlier: bool
    touching: bool
    border: bool
    index: float = math.nan
    focus_um: float = math.nan

    @property
    def measurable(self) -> bool:
        """Whether a plane can be measured with it."""
        return not (self.outlier or self.touching or self.border)


@dataclass(frozen=True, slots=True)
class TruthField:
    """A field of view.

    Attributes
    ----------
    experiment, fov
        Which one.
    refp_um, refp_ss_um, refp_ci_um
        The reference plane, and as steepest slope and centre intensity place it: of a nominal bead
        that rests in the middle of the field. The twin's files state the article's plane instead.
    refp_beads_um
        Mean of the own planes of the beads that can be measured.
    refp_median_um
        The article's plane: of the median of the curves of these beads; NaN where not known.
    tilt_um_per_px
        Rise of the slide along ``(x, y)``, the order of the file.
    beads
        Every bead.
    """

    experiment: Name
    fov: Name
    refp_um: float
    refp_ss_um: float
    refp_ci_um: float
    tilt_um_per_px: tuple[float, float]
    beads: tuple[TruthBead, ...]
    refp_beads_um: float = math.nan
    refp_median_um: float = math.nan


@dataclass(frozen=True, slots=True)
class TruthFrame:
    """A frame: nominal and true Z, and both from the REFP of its field, um."""

    file: str
    experiment: Name
    fov: Name
    exposure_ms: float
    z_um: float
    z_true_um: float
    delta_z_um: float
    delta_z_true_um: float


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is true of a data set; field for field what ``truth.json`` holds.

    Attributes
    ----------
    dataset
        Name of the data set.
    pixel_um, tile_px
        Pixel and tile side of the instrument.
    stage_sigma_um
        Standard deviation of the true stage position.
    convention
        Signs and axis order, for a reader of the file.
    fields, frames
        Every field of view and every frame.
    """

    dataset: str
    pixel_um: float
    tile_px: int
    stage_sigma_um: float
    convention: str
    fields: tuple[TruthField, ...]
    frames: tuple[TruthFrame, ...]

    def frame(self, file: str) -> TruthFrame:
        """Return the truth of the frame with a file name.

        Raises
        ------
        KeyError
            If there is none.
        """
        for frame in self.frames:
            if frame.file == file:
                return frame
        raise KeyError(file)


def write_truth(path: Path, truth: Truth) -> None:
    """Write ``truth.json``."""
    write_json(asdict(truth), path)


def read_truth(path: Path) -> Truth:
    """Read a ``truth.json``, given the file or its folder.

    Raises
    ------
    DataError
        If there is no such file, or a field is missing or not known.
    """
    file = path / TRUTH_FILE if path.is_dir() else path
    try:
        return _truth(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{file}: not read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file}: not a truth file: {error}") from error


def _truth(table: dict[str, Any]) -> Truth:
    frames = tuple(TruthFrame(**frame) for frame in table["frames"])
    fields = tuple(_field(field) for field in table["fields"])
    return Truth(**{**table, "fields": fields, "frames": frames})


def _field(table: dict[str, Any]) -> TruthField:
    beads = tuple(TruthBead(**bead) for bead in table["beads"])
    own_um = [bead.refp_um for bead in beads if bead.measurable]
    known = {
        "refp_beads_um": sum(own_um) / len(own_um) if own_um else math.nan,
        "refp_median_um": math.nan,
        **{name: value for name, value in table.items() if value is not None},
    }
    return TruthField(**{**known, "beads": beads, "tilt_um_per_px": tuple(table["tilt_um_per_px"])})
