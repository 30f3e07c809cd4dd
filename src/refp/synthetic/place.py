"""Make a scene: place beads and cells, lay the light."""

from dataclasses import dataclass

import numpy as np

from refp.arrays import BoolArray, FloatArray
from refp.errors import RecipeError
from refp.sweeps.optics import Instrument
from refp.synthetic.scene import Scene, SceneBeads, SceneCells
from refp.synthetic.settings import Camera, SceneSettings, SimulationSettings

TRIES = 2000
"""Random positions tried for one object before the field counts as full."""
MARGIN_RADII = 3.4
"""A whole bead keeps its background ring inside the image."""
TOUCH_RADII = (2.0, 2.1)
CELL_CLEARANCE_RADII = 1.6
"""A cell may lie in a bead's background, as in real samples, but not on its rim."""


def make_scene(
    instrument: Instrument,
    settings: SimulationSettings,
    refp_um: float,
    rng: np.random.Generator,
) -> Scene:
    """Place beads and cells at random and lay the light.

    Parameters
    ----------
    instrument
        Gives the nominal bead radius and the depth of field.
    settings
        What to place; only ``scatter``, ``scene`` and ``camera`` are read.
    refp_um
        Z of the slide's plane in the middle of the image, um.
    rng
        Where every random number comes from.

    Raises
    ------
    RecipeError
        If the beads do not fit into the image.
    """
    scene, radius_px = settings.scene, instrument.bead_radius_px
    layout = _lay_out(scene, radius_px, rng)
    tilt = rng.normal(0, scene.tilt_sd_um_per_px, 2)
    beads = _make_beads(
        layout, scene, radius_px, _slide(layout.centers_px, scene, refp_um, tilt), rng
    )
    cell_centers = _place_cells(scene, beads.centers_px, radius_px, rng)
    cell_plane_um = _slide(cell_centers, scene, refp_um, tilt)
    in_plane_um = beads.plane_um[~beads.outlier]
    return Scene(
        refp_um=float(np.median(in_plane_um)) if in_plane_um.size else refp_um,
        tilt_um_per_px=(float(tilt[0]), float(tilt[1])),
        beads=beads,
        cells=_make_cells(cell_centers, scene, radius_px, cell_plane_um, rng),
        light=_light(scene, settings.camera, radius_px, rng),
        scatter=settings.scatter,
        depth_um=settings.scatter.depth_of(instrument),
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Centres ``(y, x)`` in px, and which bead is special."""

    centers_px: FloatArray
    outlier: BoolArray
    touching: BoolArray
    border: BoolArray


def _lay_out(scene: SceneSettings, radius_px: float, rng: np.random.Generator) -> _Layout:
    """Place pairs first and then the border's: they have the least choice."""
    apart_px, margin_px = scene.separation_radii * radius_px, MARGIN_RADII * radius_px
    centers: list[FloatArray] = []
    for _ in range(scene.n_touching):
        first = _free(centers, scene.shape_px, apart_px + 2 * radius_px, 1.6 * margin_px, rng)
        centers += [first, first + _step(rng.uniform(*TOUCH_RADII) * radius_px, rng)]
    for _ in range(scene.n_border):
        centers.append(_free_at_border(centers, scene.shape_px, apart_px, radius_px, rng))
    while len(centers) < scene.n_beads:
        centers.append(_free(centers, scene.shape_px, apart_px, margin_px, rng))
    kind = np.full(scene.n_beads, "plain", dtype="U8")
    pairs, cut = 2 * scene.n_touching, 2 * scene.n_touching + scene.n_border
    kind[:pairs], kind[pairs:cut], kind[cut : cut + scene.n_off_plane] = "touching", "border", "off"
    points = np.reshape(centers, (-1, 2)).astype(float)
    return _Layout(points, kind == "off", kind == "touching", kind == "border")


def _free(
    taken: list[FloatArray],
    shape_px: tuple[int, int],
    apart_px: float,
    margin_px: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Find a point of the image that keeps its distance from the border and from others."""
    high = np.subtract(shape_px, 1) - margin_px
    for _ in range(TRIES if (high > margin_px).all() else 0):
        point = rng.uniform(margin_px, high)
        if _is_clear(point, taken, apart_px):
            return point
    raise _full(shape_px, len(taken))


def _free_at_border(
    taken: list[FloatArray],
    shape_px: tuple[int, int],
    apart_px: float,
    radius_px: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Find a point so near the border that the bead is cut, and clear of others."""
    last = np.subtract(shape_px, 1)
    for _ in range(TRIES):
        point, axis = rng.uniform(0, last), rng.integers(2)
        inset = rng.uniform(0, 0.7) * radius_px
        point[axis] = inset if rng.random() < 0.5 else last[axis] - inset
        if _is_clear(point, taken, apart_px):
            return point
    raise _full(shape_px, len(taken))


def _is_clear(point: FloatArray, taken: list[FloatArray], apart_px: float) -> bool:
    return all(np.hypot(*(point - other)) >= apart_px for other in taken)


def _step(length_px: float, rng: np.random.Generator) -> FloatArray:
    angle = rng.uniform(0, 2 * np.pi)
    return length_px * np.array([np.sin(angle), np.cos(angle)])


def _full(shape_px: tuple[int, int], n_placed: int) -> RecipeError:
    return RecipeError(
        f"scene.shape_px = {shape_px}: no room for more than {n_placed} beads; "
        "lower scene.n_beads or scene.separation_radii, or enlarge the image"
    )


def _slide(
    centers_px: FloatArray, scene: SceneSettings, refp_um: float, tilt: FloatArray
) -> FloatArray:
    """Height of the tilted slide under every point, um; it turns about the image's middle."""
    middle = np.subtract(scene.shape_px, 1) / 2
    return refp_um + (centers_px - middle) @ tilt


def _make_beads(
    layout: _Layout,
    scene: SceneSettings,
    radius_px: float,
    slide_um: FloatArray,
    rng: np.random.Generator,
) -> SceneBeads:
    n = len(layout.centers_px)
    # Three sigma at most: a bead far from its nominal size would touch or vanish by chance.
    sigmas = np.clip(rng.standard_normal(n), -3, 3)
    height_um = rng.normal(0, scene.height_sd_um, n) + scene.off_plane_um * layout.outlier
    return SceneBeads(
        centers_px=layout.centers_px,
        radius_px=radius_px * (1 + scene.radius_spread * sigmas),
        plane_um=slide_um + height_um,
        outlier=layout.outlier,
        touching=layout.touching,
        border=layout.border,
    )


def _place_cells(
    scene: SceneSettings, beads_px: FloatArray, radius_px: float, rng: np.random.Generator
) -> FloatArray:
    """Scatter cells over the image, off the beads; where there is no room there are fewer."""
    last = np.subtract(scene.shape_px, 1)
    points = rng.uniform(0, last, (4 * scene.n_cells, 2))
    away = np.linalg.norm(points[:, None] - beads_px, axis=2).min(axis=1, initial=np.inf)
    return points[away > CELL_CLEARANCE_RADII * radius_px][: scene.n_cells]


def _make_cells(
    centers_px: FloatArray,
    scene: SceneSettings,
    radius_px: float,
    slide_um: FloatArray,
    rng: np.random.Generator,
) -> SceneCells:
    n = len(centers_px)
    return SceneCells(
        centers_px=centers_px,
        radius_px=scene.cell_radii * radius_px * rng.uniform(0.85, 1.15, n),
        plane_um=slide_um + rng.normal(0, 2 * scene.height_sd_um, n),
        bright=rng.random(n) < 0.5,
    )


def _light(
    scene: SceneSettings, camera: Camera, radius_px: float, rng: np.random.Generator
) -> FloatArray:
    light = _uneven_light(scene, rng) * _dust(scene, radius_px, rng)
    return (light * _fixed_pattern(scene.shape_px, camera)).astype(np.float32)


def _uneven_light(scene: SceneSettings, rng: np.random.Generator) -> FloatArray:
    """A slope and a bowl with a random middle, together within the half range."""
    y, x = (np.linspace(-1, 1, n) for n in scene.shape_px)
    middle = rng.uniform(-0.4, 0.4, 2)
    slope = _step(1.0, rng)
    bowl = (y[:, None] - middle[0]) ** 2 + (x - middle[1]) ** 2
    shape = slope[0] * y[:, None] + slope[1] * x - 0.7 * bowl
    half_range = max(float(np.ptp(shape)) / 2, 1e-9)
    field: FloatArray = 1 + scene.uneven_light * (shape - np.median(shape)) / half_range
    return field


def _dust(scene: SceneSettings, radius_px: float, rng: np.random.Generator) -> FloatArray:
    y, x = (np.arange(n, dtype=float) for n in scene.shape_px)
    field = np.ones(scene.shape_px)
    for _ in range(scene.n_dust):
        center, sigma = rng.uniform(0, scene.shape_px), radius_px * rng.uniform(0.2, 0.5)
        along_y, along_x = (
            np.exp(-0.5 * ((a - c) / sigma) ** 2) for a, c in zip((y, x), center, strict=True)
        )
        field -= rng.uniform(0.03, 0.1) * np.outer(along_y, along_x)
    return np.maximum(field, 0.2)


def _fixed_pattern(shape_px: tuple[int, int], camera: Camera) -> FloatArray:
    """Sensitivity of the pixels: of the camera, not of the scene, hence its own seed."""
    rng = np.random.default_rng([camera.serial, *shape_px])
    return 1 + camera.fixed_pattern * rng.standard_normal(shape_px)
