"""Contents of a field of view: beads, cells, debris and illumination."""

from dataclasses import dataclass

from refp.core.arrays import BoolArray, FloatArray
from refp.synthetic.optics import SphereImages, SphereMaps


@dataclass(frozen=True, slots=True)
class SceneSpheres:
    """Spheres of one kind.

    Attributes
    ----------
    centers_px
        Shape ``(n, 2)``, ``(y, x)``.
    radius_um, index
        Radius and refractive index of each.
    focus_um
        Z at which the centre of each is in focus.
    maps
        Maps of spheres of this kind, or their images through optics without rotational symmetry.
    """

    centers_px: FloatArray
    radius_um: FloatArray
    index: FloatArray
    focus_um: FloatArray
    maps: SphereMaps | SphereImages

    def __len__(self) -> int:
        return len(self.radius_um)


@dataclass(frozen=True, slots=True)
class SceneBeads(SceneSpheres):
    """The beads of a field.

    Attributes
    ----------
    plane_um
        Shape ``(n,)``: Z of every bead's own plane, by the article's definition.
    outlier, touching, border
        Shape ``(n,)``: whether a bead is off the plane, touches another, or is cut by the image border.
    """

    plane_um: FloatArray
    outlier: BoolArray
    touching: BoolArray
    border: BoolArray

    @property
    def measurable(self) -> BoolArray:
        """Beads that a plane can be measured with: whole, free, and in the plane of the others."""
        return ~(self.outlier | self.touching | self.border)


@dataclass(frozen=True, slots=True)
class Scene:
    """One field of view.

    Attributes
    ----------
    refp_ss_um, refp_ci_um
        Z at which a nominal bead at rest in the middle of the field has its minimum of steepest slope
        and its maximum of centre intensity.
    refp_beads_um
        Mean of the own planes of the measurable beads; the nominal bead's if there is none.
    refp_median_um
        The article's plane, of the median of these beads' curves; NaN where the curves have none.
    tilt_um_per_px
        Rise of the slide along ``(y, x)``.
    beads
        The beads.
    others
        Cells and debris, one entry for each kind.
    light
        Shape ``(y, x)``: illumination, dust and fixed pattern together, about 1.
    pixel_um
        Side of a pixel.
    """

    refp_ss_um: float
    refp_ci_um: float
    refp_beads_um: float
    refp_median_um: float
    tilt_um_per_px: tuple[float, float]
    beads: SceneBeads
    others: tuple[SceneSpheres, ...]
    light: FloatArray
    pixel_um: float

    @property
    def refp_um(self) -> float:
        """Reference plane of the nominal bead: the mean of the planes of both features."""
        return (self.refp_ss_um + self.refp_ci_um) / 2

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image, px."""
        height, width = self.light.shape
        return height, width
