"""Make a scene: positions of beads, cells and debris, and the illumination."""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.core.errors import RecipeError
from refp.settings import Camera, Instrument
from refp.synthetic.looks import Looks, looks_of
from refp.synthetic.optics import SphereImages, SphereMaps
from refp.synthetic.planes import feature_curves, find_planes
from refp.synthetic.scene import Scene, SceneBeads, SceneSpheres
from refp.synthetic.settings import Objects, SceneSettings, SimulationSettings

TRIES = 2000
"""Random positions that are tried for one bead before the field counts as full."""
MAX_SIGMAS = 3.0
PLANE_DEPTHS = 3.0
"""Half range of the search for a field's plane about the mean of its beads' planes, in depths of field."""
MARGIN_RADII = 3.4
"""Least distance of a whole bead from the border, which keeps its background ring inside the image."""
TOUCH_RADII = (2.0, 2.1)
OTHERS_CLEARANCE_RADII = 1.6
"""Least distance of a cell from a bead: in its background, as in real samples, but not on its rim."""


def make_scene(
    instrument: Instrument,
    settings: SimulationSettings,
    refp_um: float,
    rng: np.random.Generator,
) -> Scene:
    """Place beads, cells and debris at random and compute the illumination.

    Parameters
    ----------
    instrument
        Microscope, bead and camera.
    settings
        Settings of the simulation, of which only ``scene`` is read.
    refp_um
        Z of the own plane of a nominal bead on the slide in the middle of the image, um.
    rng
        Source of all random numbers.

    Raises
    ------
    RecipeError
        If the beads do not fit into the image.
    """
    looks = looks_of(instrument, settings.scene)
    focus_um = refp_um - looks.nominal_plane_um
    refp_ss_um, refp_ci_um = (focus_um + plane_um for plane_um in looks.nominal_planes_um)
    scene, radius_px = settings.scene, instrument.bead_radius_px
    layout = _lay_out(scene, radius_px, rng)
    tilt = rng.normal(0, scene.tilt_sd_um_per_px, 2)
    slide = _Slide(scene.shape_px, focus_um, tilt)
    beads = _make_beads(layout, slide, instrument, scene, looks, rng)
    others = tuple(
        _make_others(kind, maps, slide, beads.centers_px, instrument, scene, rng)
        for kind, maps in zip(scene.others, looks.others, strict=True)
    )
    own_um = beads.plane_um[beads.measurable]
    return Scene(
        refp_ss_um=refp_ss_um,
        refp_ci_um=refp_ci_um,
        refp_beads_um=float(own_um.mean()) if own_um.size else refp_um,
        refp_median_um=_median_plane(beads, looks, refp_um, instrument),
        tilt_um_per_px=(float(tilt[0]), float(tilt[1])),
        beads=beads,
        others=others,
        light=_light(scene, instrument.camera, radius_px, rng),
        pixel_um=instrument.optics.pixel_size_um,
    )


@dataclass(frozen=True, slots=True)
class _Slide:
    """A tilted slide.

    Attributes
    ----------
    shape_px
        Shape of the image, about whose middle the slide is tilted.
    focus_um
        Z at which the middle of a nominal bead on the slide there is in focus, um.
    tilt
        Rise along ``(y, x)``, um/px.
    """

    shape_px: tuple[int, int]
    focus_um: float
    tilt: FloatArray

    def under(self, centers_px: FloatArray) -> FloatArray:
        """Return the Z of focus of a nominal bead at every point, um."""
        middle = np.subtract(self.shape_px, 1) / 2
        return np.asarray(self.focus_um + (centers_px - middle) @ self.tilt)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Centres ``(y, x)`` in px, and masks of the special beads."""

    centers_px: FloatArray
    outlier: BoolArray
    touching: BoolArray
    border: BoolArray


def _lay_out(scene: SceneSettings, radius_px: float, rng: np.random.Generator) -> _Layout:
    """Place pairs first, then beads at the border, since their positions are most restricted."""
    separation_px, margin_px = scene.separation_radii * radius_px, MARGIN_RADII * radius_px
    centers: list[FloatArray] = []
    for _ in range(scene.n_touching):
        first = _draw_inside(
            centers, scene.shape_px, separation_px + 2 * radius_px, 1.6 * margin_px, rng
        )
        centers += [first, first + _step(rng.uniform(*TOUCH_RADII) * radius_px, rng)]
    for _ in range(scene.n_border):
        centers.append(_draw_at_border(centers, scene.shape_px, separation_px, radius_px, rng))
    while len(centers) < scene.n_beads:
        centers.append(_draw_inside(centers, scene.shape_px, separation_px, margin_px, rng))
    kind = np.full(scene.n_beads, "plain", dtype="U8")
    pairs, cut = 2 * scene.n_touching, 2 * scene.n_touching + scene.n_border
    kind[:pairs], kind[pairs:cut], kind[cut : cut + scene.n_off_plane] = "touching", "border", "off"
    points = np.reshape(centers, (-1, 2)).astype(float)
    return _Layout(points, kind == "off", kind == "touching", kind == "border")


def _draw_inside(
    taken: list[FloatArray],
    shape_px: tuple[int, int],
    separation_px: float,
    margin_px: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Return a random point at a distance from the border and from other beads."""
    high = np.subtract(shape_px, 1) - margin_px
    for _ in range(TRIES if (high > margin_px).all() else 0):
        point = rng.uniform(margin_px, high)
        if _is_clear(point, taken, separation_px):
            return point
    raise _no_room(shape_px, len(taken))


def _draw_at_border(
    taken: list[FloatArray],
    shape_px: tuple[int, int],
    separation_px: float,
    radius_px: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Return a random point at which the border cuts the bead, at a distance from other beads."""
    last = np.subtract(shape_px, 1)
    for _ in range(TRIES):
        point, axis = rng.uniform(0, last), rng.integers(2)
        inset = rng.uniform(0, 0.7) * radius_px
        point[axis] = inset if rng.random() < 0.5 else last[axis] - inset
        if _is_clear(point, taken, separation_px):
            return point
    raise _no_room(shape_px, len(taken))


def _is_clear(point: FloatArray, taken: list[FloatArray], separation_px: float) -> bool:
    return all(np.hypot(*(point - other)) >= separation_px for other in taken)


def _step(length_px: float, rng: np.random.Generator) -> FloatArray:
    angle = rng.uniform(0, 2 * np.pi)
    return length_px * np.array([np.sin(angle), np.cos(angle)])


def _no_room(shape_px: tuple[int, int], n_placed: int) -> RecipeError:
    return RecipeError(
        f"scene.shape_px = {shape_px}: no room for more than {n_placed} beads; "
        "lower scene.n_beads or scene.separation_radii, or enlarge the image"
    )


def _make_beads(
    layout: _Layout,
    slide: _Slide,
    instrument: Instrument,
    scene: SceneSettings,
    looks: Looks,
    rng: np.random.Generator,
) -> SceneBeads:
    n, bead = len(layout.centers_px), instrument.bead
    # Limited to three sigma: a bead far from its nominal size could touch another or vanish.
    radius_um = bead.diameter_um / 2 * (1 + bead.diameter_spread * _clipped_normal(n, rng))
    index = bead.index + bead.index_sd * _clipped_normal(n, rng)
    height_um = rng.normal(0, scene.height_sd_um, n) + scene.off_plane_um * layout.outlier
    rest_um = _rest_height_um(radius_um, instrument)
    focus_um = slide.under(layout.centers_px) + height_um + rest_um
    planes = [looks.own_plane_um(r, i) for r, i in zip(radius_um, index, strict=True)]
    return SceneBeads(
        centers_px=layout.centers_px,
        radius_um=radius_um,
        index=index,
        focus_um=focus_um,
        maps=looks.beads,
        plane_um=focus_um + np.array(planes),
        outlier=layout.outlier,
        touching=layout.touching,
        border=layout.border,
    )


def _clipped_normal(n: int, rng: np.random.Generator) -> FloatArray:
    return np.clip(rng.standard_normal(n), -MAX_SIGMAS, MAX_SIGMAS)


def _rest_height_um(radius_um: FloatArray, instrument: Instrument) -> FloatArray:
    """Return the height of the middle of a resting sphere over that of a nominal bead, as stage travel."""
    per_um = instrument.objective.immersion_index / instrument.sample.medium_index
    return np.asarray((radius_um - instrument.bead.diameter_um / 2) * per_um)


def _median_plane(beads: SceneBeads, looks: Looks, refp_um: float, instrument: Instrument) -> float:
    """Return the article's plane: that of the median curves of the beads that can be measured."""
    usual = np.flatnonzero(beads.measurable)
    if not usual.size:
        return refp_um
    span_um = PLANE_DEPTHS * looks.depth_um
    z_um = beads.plane_um[usual].mean() + np.linspace(-span_um, span_um, 201)
    curves = [
        feature_curves(
            looks.on_pixels,
            float(beads.radius_um[k]),
            float(beads.index[k]),
            z_um - beads.focus_um[k],
            instrument.optics.pixel_size_um,
        )
        for k in usual
    ]
    slope, center = np.median(curves, axis=0)
    return float(np.mean(find_planes(z_um, slope, center)))


def _make_others(
    kind: Objects,
    maps: SphereMaps | SphereImages,
    slide: _Slide,
    beads_px: FloatArray,
    instrument: Instrument,
    scene: SceneSettings,
    rng: np.random.Generator,
) -> SceneSpheres:
    """Place cells or debris at random, clear of beads; fewer than set where there is no room."""
    last = np.subtract(scene.shape_px, 1)
    points = rng.uniform(0, last, (4 * kind.n, 2))
    away = np.linalg.norm(points[:, None] - beads_px, axis=2).min(axis=1, initial=np.inf)
    clear_px = OTHERS_CLEARANCE_RADII * instrument.bead_radius_px
    centers_px = points[away > clear_px][: kind.n]
    n = len(centers_px)
    radius_um = kind.diameter_um / 2 * (1 + kind.diameter_spread * _clipped_normal(n, rng))
    floats_um = np.abs(rng.normal(0, kind.floats_um, n)) + rng.normal(0, scene.height_sd_um, n)
    return SceneSpheres(
        centers_px=centers_px,
        radius_um=radius_um,
        index=np.full(n, kind.index),
        focus_um=slide.under(centers_px) + _rest_height_um(radius_um, instrument) + floats_um,
        maps=maps,
    )


def _light(
    scene: SceneSettings, camera: Camera, radius_px: float, rng: np.random.Generator
) -> FloatArray:
    light = _uneven_light(scene, rng) * _dust(scene, radius_px, rng)
    return (light * _fixed_pattern(scene.shape_px, camera)).astype(np.float32)


def _uneven_light(scene: SceneSettings, rng: np.random.Generator) -> FloatArray:
    """Return a linear gradient and a paraboloid about a random point, scaled to the half range."""
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
    """Return the sensitivity of the pixels, from a seed of the camera, independent of the scene."""
    rng = np.random.default_rng([camera.serial, *shape_px])
    return 1 + camera.fixed_pattern * rng.standard_normal(shape_px)
