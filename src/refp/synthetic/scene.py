"""What lies in one field of view: beads, cells, and the light on it."""

from dataclasses import dataclass

from refp.arrays import BoolArray, FloatArray
from refp.synthetic.settings import BeadScatter


@dataclass(frozen=True, slots=True)
class SceneBeads:
    """The beads of a field.

    Attributes
    ----------
    centers_px
        Shape ``(n, 2)``, ``(y, x)``.
    radius_px
        Radius of every bead.
    plane_um
        Z at which every bead's own plane is in focus.
    outlier, touching, border
        Whether a bead is off the plane, touches another, or is cut by the image border.
    """

    centers_px: FloatArray
    radius_px: FloatArray
    plane_um: FloatArray
    outlier: BoolArray
    touching: BoolArray
    border: BoolArray


@dataclass(frozen=True, slots=True)
class SceneCells:
    """The cells of a field.

    Attributes
    ----------
    centers_px
        Shape ``(n, 2)``, ``(y, x)``.
    radius_px
        Radius of every cell.
    plane_um
        Z at which every cell is in focus.
    bright
        Whether a cell's centre is bright there.
    """

    centers_px: FloatArray
    radius_px: FloatArray
    plane_um: FloatArray
    bright: BoolArray


@dataclass(frozen=True, slots=True)
class Scene:
    """One field of view.

    Attributes
    ----------
    refp_um
        Median plane of the beads that are not lifted off it.
    tilt_um_per_px
        Rise of the slide along ``(y, x)``.
    beads, cells
        What lies there.
    light
        Shape ``(y, x)``: illumination, dust and fixed pattern together, about 1.
    scatter, depth_um
        How a bead looks, and the depth of field.
    """

    refp_um: float
    tilt_um_per_px: tuple[float, float]
    beads: SceneBeads
    cells: SceneCells
    light: FloatArray
    scatter: BeadScatter
    depth_um: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image, px."""
        height, width = self.light.shape
        return height, width
