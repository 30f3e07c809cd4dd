"""Calibration from held-out beads: errors, and limits of refusal."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from refp.core.arrays import FloatArray
from refp.estimate import Spread, calibrate, combine, image_label_u_um
from refp.estimate.interval import make_interval
from refp.models import Predictions
from refp.models.card import Calibration
from refp.models.lookup import Match
from refp.models.tiles import LabelErrors, LabelledTiles
from refp.models.tiles.label_errors import StageErrors
from refp.settings import EstimateSettings

N_UNSEEN = 300


def label_errors(
    stage_u_um: float = 0.0,
    height_um: float = 0.0,
    rise_um_per_size: float = 0.0,
) -> LabelErrors:
    stage = StageErrors(np.array([-60.0, 60.0]), np.full(2, stage_u_um), 12.0)
    return LabelErrors(0.4, 16.0, stage, height_um, rise_um_per_size)


EXACT = label_errors()


@dataclass(frozen=True)
class Model:
    """Contributions to errors, standard deviations in um; the stated ``sd`` is too small by a factor."""

    factor: float = 1.0
    height_um: float = 0.0
    image_um: float = 0.0
    label_um: float = 0.0
    tilt_um_per_px: float = 0.0
    plane_um: float = 0.0
    sd_um: tuple[float, float] = (0.5, 2.0)
    members: int = 1


def simulate(
    model: Model, shape: tuple[int, int, int] = (4, 50, 6), seed: int = 0
) -> tuple[LabelledTiles, Predictions, FloatArray]:
    """Simulate labelled beads for a number of fields, frames per field and beads per frame.

    Return also the members' predictions and the true dZ of each image.
    """
    rng = np.random.default_rng(seed)
    fields, frames, beads = shape
    field, frame, bead = (axis.ravel() for axis in np.indices(shape))
    image = frame + frames * field
    position = rng.uniform(-500, 500, (fields, beads, 2))
    tilt = model.tilt_um_per_px * rng.normal(size=(fields, 2))
    height = model.height_um * rng.normal(size=(fields, beads)) + np.einsum(
        "fbi,fi->fb", position, tilt
    )
    truth = rng.uniform(-60, 60, fields * frames)
    own = truth[image] - height[field, bead]
    label = model.label_um * rng.normal(size=fields * frames)
    wrong = model.image_um * rng.normal(size=fields * frames)
    plane = model.plane_um * rng.normal(size=fields)
    sd = rng.uniform(*model.sd_um, len(image))
    dz = own + wrong[image] + model.factor * sd * rng.normal(size=len(image))
    n = len(image)
    tiles = LabelledTiles(
        dz_um=own + label[image] + plane[field],
        height_um=height[field, bead],
        label_u_um=np.full(n, model.label_um),
        size=np.ones(n),
        offset_px=position[field, bead],
        profile=np.ones((n, 2)),
        saturated=np.zeros((n, 2), dtype=np.bool_),
        light=np.ones(n),
        black_level=np.zeros(n),
        noise=np.ones(n),
        whiteness=np.full(n, 0.8),
        pixels=np.empty((n, 0, 0)),
        frame=image,
        bead=bead + 10_000 * field,
        field=field,
        radius_radii=np.array([0.0, 1.0]),
        bead_radius_px=9.0,
        sweeps=(),
    )
    predicted = Predictions(np.tile(dz, (model.members, 1)), np.tile(sd, (model.members, 1)))
    return tiles, predicted, truth


def match_of(tiles: LabelledTiles, dz_um: FloatArray, **more: FloatArray) -> Match:
    n = len(tiles)
    given = {"reduced_chi2": np.ones(n), "size": np.ones(n), **more}
    ones = np.ones(n)
    return Match(
        dz_um=dz_um,
        sd_um=ones,
        size=given["size"],
        size_sd=0.01 * ones,
        reduced_chi2=given["reduced_chi2"],
        at_end=np.zeros(n, dtype=np.bool_),
        cost=np.zeros(n),
        explained=ones,
        n_rings=2 * ones,
        residual=given.get("residual", np.zeros((n, 2))),
        unevenness=np.zeros((n, 2, 2)),
    )


def calibrated(
    tiles: LabelledTiles,
    predicted: Predictions,
    labels: LabelErrors = EXACT,
    *,
    match: Match | None = None,
    split: str = "field",
    tilt: float = 0.0,
    **settings: Any,
) -> Calibration:
    return calibrate(
        tiles,
        predicted,
        match_of(tiles, tiles.dz_um) if match is None else match,
        EstimateSettings.model_validate(settings),
        labels,
        tilt_um_per_px=tilt,
        split=split,
    )


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_factor_is_that_of_understated_deviations(factor: float, coverage: float) -> None:
    made = calibrated(*simulate(Model(factor=factor))[:2], coverage=coverage)
    assert made.bead_factor == pytest.approx(factor, rel=0.06)
    half = calibrated(*simulate(Model(factor=factor, sd_um=(1.0, 4.0)))[:2], coverage=coverage)
    assert half.bead_factor == pytest.approx(factor, rel=0.06)


def test_factor_is_the_conformal_quantile() -> None:
    """One field, images of two beads: their distance in units of its stated deviation."""
    tiles, predicted, _ = simulate(Model(), (1, 200, 2))
    error = (predicted.dz_um[0] - tiles.dz_um).reshape(200, 2)
    sd = predicted.sd_um[0].reshape(200, 2)
    score = np.abs(error[:, 0] - error[:, 1]) / np.sqrt((sd**2).sum(axis=1))
    expected = np.quantile(score.repeat(2), 0.95) / norm.ppf(0.975)
    assert calibrated(tiles, predicted).bead_factor == pytest.approx(expected)


def test_common_errors_do_not_change_the_factor() -> None:
    plain = calibrated(*simulate(Model(), (4, 100, 6))[:2])
    shared = Model(image_um=8.0, label_um=3.0, height_um=2.0)
    labels = label_errors(0.0, 2.0, 0.0)
    made = calibrated(*simulate(shared, (4, 100, 6))[:2], labels)
    assert made.bead_factor == pytest.approx(plain.bead_factor, rel=0.02)


def test_single_beads_are_compared_with_their_labels() -> None:
    tiles, predicted, _ = simulate(Model(factor=2.0), (3, 300, 1))
    error = np.abs(predicted.dz_um[0] - tiles.dz_um) / predicted.sd_um[0]
    expected = np.quantile(error, 0.95) / norm.ppf(0.975)
    assert calibrated(tiles, predicted).bead_factor == pytest.approx(expected)


def test_without_stated_deviations_the_factor_is_the_deviation() -> None:
    tiles, predicted, _ = simulate(Model(factor=1.0, sd_um=(3.0, 3.0)), (4, 100, 6))
    no_sd = Predictions(predicted.dz_um, np.full_like(predicted.sd_um, np.nan))
    assert calibrated(tiles, no_sd).bead_factor == pytest.approx(3.0, rel=0.06)


def test_the_factor_has_a_lower_bound() -> None:
    assert calibrated(*simulate(Model(factor=1e-9))[:2]).bead_factor == 0.1


@pytest.mark.parametrize("image_um", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("height_um", [0.0, 1.0])
@pytest.mark.parametrize("label_um", [0.0, 0.7])
def test_common_error_of_an_image(image_um: float, height_um: float, label_um: float) -> None:
    """Bead noise, heights, label errors and the plane of each field are subtracted."""
    model = Model(1.5, height_um, image_um, label_um, plane_um=4.0)
    tiles, predicted, _ = simulate(model, (6, 60, 6))
    made = calibrated(tiles, predicted, label_errors(0.0, height_um, 0.0))
    # The scatter of a variance over 360 images, of which some is not the ensemble's.
    variance = image_um**2 + label_um**2 + 1.5**2 * 1.75 / 6
    assert made.model_u_um**2 == pytest.approx(image_um**2, abs=4 * variance * np.sqrt(2 / 360))


def test_stage_error_of_single_fields_is_subtracted() -> None:
    """By hand: of two fields each label has twice the common variance, and so has the other's."""
    model = Model(image_um=3.0, sd_um=(0.01, 0.01))
    tiles, predicted, _ = simulate(model, (2, 60, 6))
    plain = calibrated(tiles, predicted).model_u_um
    staged = label_errors(1.0)
    known = calibrated(tiles, predicted, staged).model_u_um
    assert known**2 == pytest.approx(plain**2 - 4.0)
    assert calibrated(tiles, predicted, staged, split="bead").model_u_um == pytest.approx(plain)
    three, of_three, _ = simulate(model, (3, 60, 6))
    less = (
        calibrated(three, of_three).model_u_um ** 2
        - calibrated(three, of_three, staged).model_u_um ** 2
    )
    assert less == pytest.approx(3 * 1.5)
    assert calibrated(tiles, predicted, label_errors(50.0)).model_u_um == 0.0


COVERED = [
    pytest.param(Model(), id="noise alone"),
    pytest.param(Model(factor=2.0, height_um=0.8), id="heights"),
    pytest.param(Model(factor=0.5, image_um=1.5), id="model error"),
    pytest.param(Model(height_um=0.5, image_um=0.6, label_um=0.8, plane_um=3.0), id="labels"),
    pytest.param(Model(height_um=0.5, image_um=0.5, tilt_um_per_px=0.004), id="tilt"),
]


@pytest.mark.parametrize("model", COVERED)
@pytest.mark.parametrize("n_beads", [2, 6])
@pytest.mark.parametrize("split", ["field", "bead"])
def test_intervals_of_unseen_images_cover(model: Model, n_beads: int, split: str) -> None:
    """Images of other slides, each with beads of its own, against their true dZ."""
    labels = label_errors(0.0, model.height_um, 0.0)
    tiles, predicted, _ = simulate(model, (8, 30, 6), seed=1)
    made = calibrated(tiles, predicted, labels, tilt=model.tilt_um_per_px, split=split)
    unseen, predictions, truth = simulate(
        replace(model, plane_um=0.0), (N_UNSEEN, 1, n_beads), seed=2
    )
    spread = Spread(made.bead_factor, made.height_um, made.rise_um_per_size, model.tilt_um_per_px)
    inside = []
    for image, rows in enumerate(np.arange(len(unseen)).reshape(N_UNSEEN, n_beads)):
        of_image = Predictions(predictions.dz_um[:, rows], predictions.sd_um[:, rows])
        positions, sizes = unseen.offset_px[rows], np.ones(n_beads)
        one = combine(of_image, positions, sizes, spread, EstimateSettings())
        half = norm.ppf(0.975) * np.hypot(one.u_beads_um, made.model_u_um)
        inside.append(abs(one.dz_um - truth[image]) <= half)
    low, high = binom.ppf([0.001, 0.999], N_UNSEEN, 0.95)
    # The calibration itself is known to some per cent; chance disagreement widens, never narrows.
    assert low - 0.01 * N_UNSEEN <= np.count_nonzero(inside) <= high + 0.02 * N_UNSEEN


def test_card_of_the_errors() -> None:
    tiles, predicted, _ = simulate(Model(image_um=2.0, sd_um=(1e-6, 1e-6)), (4, 50, 6))
    made = calibrated(tiles, predicted, label_errors(0.3, 0.6, 20.0), split="field")
    error = predicted.dz_um[0] - tiles.dz_um
    assert made.rms_um == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-3)
    assert (made.n_images, made.held_out) == (200, "field")
    assert (made.refp_u_um, made.refp_dof) == (0.4, 16.0)
    assert (made.stage.at(0.0), made.stage.at(90.0), made.stage.dof) == (0.3, 0.3, 12.0)
    assert (
        made.model_dof == 4 * 20 - 4
    )  # 50 images of each field, of which about 20 are independent
    assert made.beads_dof == 4 * 6 - 4
    assert (made.height_um, made.rise_um_per_size) == (0.6, 20.0)
    assert (made.size_sd, made.n_sizes) == (0.0, 24)


def test_errors_are_those_of_the_image_not_of_its_beads() -> None:
    """With all beads 5 um above the field's plane, each bead is right and the image 5 um too low."""
    tiles, predicted, _ = simulate(Model(sd_um=(1e-3, 1e-3)), (4, 20, 6))
    raised = replace(tiles, dz_um=tiles.dz_um - 5.0, height_um=tiles.height_um + 5.0)
    made = calibrated(raised, Predictions(predicted.dz_um - 5.0, predicted.sd_um))
    assert made.rms_um == pytest.approx(5.0, rel=1e-2)
    assert made.model_u_um < 0.1  # it is the field's own, part of the plane's uncertainty


def test_every_bead_s_size_counts_once() -> None:
    tiles, predicted, _ = simulate(Model(), (2, 10, 4))
    sizes = np.linspace(0.97, 1.03, 8)
    number = 4 * tiles.field + tiles.bead % 10_000
    sized = replace(tiles, size=sizes[number])
    often = np.concatenate([np.arange(len(tiles)), np.flatnonzero(number == 0).repeat(5)])
    assert calibrated(sized, predicted).size_sd == pytest.approx(np.std(sizes, ddof=1))
    assert calibrated(sized, predicted).n_sizes == 8
    again = replace(
        sized,
        **{
            name: getattr(sized, name)[often]
            for name in LabelledTiles.__dataclass_fields__
            if name not in ("radius_radii", "bead_radius_px", "sweeps")
        },
    )
    more = Predictions(predicted.dz_um[:, often], predicted.sd_um[:, often])
    assert calibrated(again, more).size_sd == pytest.approx(np.std(sizes, ddof=1))


def test_a_single_bead_has_no_spread_of_sizes() -> None:
    tiles, predicted, _ = simulate(Model(), (1, 20, 1))
    made = calibrated(tiles, predicted, split="frames")
    assert (made.size_sd, made.n_sizes) == (0.0, 1)


def test_rise_with_size_is_corrected() -> None:
    """The look-up measures sizes; without the rise the image would have the error of its larger beads."""
    tiles, predicted, _ = simulate(Model(sd_um=(0.1, 0.1)), (4, 50, 5))
    # The field's plane is that of its median bead; the others are on one side of it.
    height = 50 * (np.array([1.0, 1.0, 1.0, 1.03, 1.04]) - 1)[tiles.bead % 10_000]
    lifted = replace(tiles, dz_um=tiles.dz_um - height, height_um=height)
    risen = Predictions(predicted.dz_um - height, predicted.sd_um)
    match = match_of(tiles, tiles.dz_um, size=1 + height / 50)
    made = calibrated(lifted, risen, label_errors(0.0, 0.0, 50.0), match=match)
    level = label_errors(0.0, 2.0, 0.0)  # as it would be without: heights that scatter
    assert made.rms_um < 0.1
    assert calibrated(lifted, risen, level, match=match).rms_um > 0.5


@pytest.mark.parametrize(("bright", "noise"), [(1.0, 0.0), (0.7, 30.0), (0.0, 50.0)])
def test_expected_chi2_depends_on_the_light(bright: float, noise: float) -> None:
    tiles, predicted, _ = simulate(Model(), (4, 50, 6))
    light = np.random.default_rng(4).uniform(20, 200, 200)[tiles.frame]
    chance = np.random.default_rng(5).uniform(0.8, 1.2, 200)[tiles.frame]
    reduced_chi2 = (bright + noise / light) * chance
    made = calibrated(
        replace(tiles, light=light, noise=np.sqrt(light)),
        predicted,
        match=match_of(tiles, tiles.dz_um, reduced_chi2=reduced_chi2),
    )
    relative = [
        made.relative_chi2(bright + noise / one, one, np.sqrt(one)) for one in (20.0, 60.0, 200.0)
    ]
    np.testing.assert_allclose(relative, 1.0, atol=0.08)
    assert made.maximum_reduced_chi2 == pytest.approx(1.5 * 1.2, rel=0.06)


def test_noise_is_compared_with_that_of_the_training_at_the_same_light() -> None:
    tiles, predicted, _ = simulate(Model(), (4, 50, 6))
    light = np.random.default_rng(4).uniform(20, 200, 200)[tiles.frame]
    scatter = np.random.default_rng(5).normal(1.0, 0.01, 200)[tiles.frame]
    noise = np.sqrt(0.5 + 0.02 * light) * scatter
    made = calibrated(replace(tiles, light=light, noise=noise), predicted)
    assert made.noise.expected(100.0) == pytest.approx(np.sqrt(2.5), rel=0.01)
    assert made.noise.spread == pytest.approx(0.01, rel=0.2)
    assert made.noise.whiteness == 0.8
    usual = float(np.sqrt(0.5 + 0.02 * 60.0))
    assert made.noise.agrees(60.0, usual)
    assert not made.noise.agrees(60.0 + 10.0, usual)  # an offset adds light without noise
    assert not made.noise.agrees(16 * 60.0, 16 * usual)
    assert not made.noise.agrees(60.0, 0.0)  # smoothed away
    assert made.noise.agrees(60.0, np.nan)  # not known


def test_a_training_without_noise_compares_none() -> None:
    tiles, predicted, _ = simulate(Model(), (4, 50, 6))
    for noise in (0.0, np.nan):
        made = calibrated(replace(tiles, noise=np.full(len(tiles), noise)), predicted)
        assert (made.noise.floor, made.noise.gain) == (0.0, 0.0)
        assert made.noise.relative(60.0, 3.0) == 1.0
        assert made.noise.agrees(60.0, 3.0)


def test_images_with_all_rings_saturated_have_no_chi2() -> None:
    tiles, predicted, _ = simulate(Model(), (4, 50, 6))
    white = tiles.frame % 5 == 0
    match = match_of(tiles, tiles.dz_um, reduced_chi2=np.where(white, 0.0, 2.0))
    assert calibrated(tiles, predicted, match=match).relative_chi2(2.0, 1.0, 1.0) == pytest.approx(
        1.0
    )
    nothing = match_of(tiles, tiles.dz_um, reduced_chi2=np.zeros(len(tiles)))
    assert calibrated(tiles, predicted, match=nothing).relative_chi2(3.0, 1.0, 1.0) == 3.0


def test_images_beyond_the_held_out_range_are_excluded() -> None:
    tiles, predicted, _ = simulate(Model(image_um=0.5), (4, 50, 6))
    far = tiles.frame % 10 == 0
    dz = predicted.dz_um + np.where(far, 30.0, 0.0)
    match = replace(match_of(tiles, tiles.dz_um), at_end=far)
    made = calibrated(tiles, Predictions(dz, predicted.sd_um), match=match)
    assert made.n_images == 180
    assert made.rms_um < 2.0
    all_far = replace(match, at_end=np.ones(len(tiles), dtype=np.bool_))
    assert calibrated(tiles, predicted, match=all_far).n_images == 200


def test_limits_are_above_the_held_out_values() -> None:
    tiles, predicted, _ = simulate(Model(sd_um=(1e-6, 1e-6)), (4, 50, 6))
    rng = np.random.default_rng(1)
    reduced_chi2, difference = rng.uniform(0.5, 2.0, 200), rng.normal(0, 2.0, 200)
    match = match_of(
        tiles, tiles.dz_um + difference[tiles.frame], reduced_chi2=reduced_chi2[tiles.frame]
    )
    made = calibrated(tiles, predicted, match=match)
    relative = reduced_chi2 / (made.reduced_chi2 + made.reduced_chi2_noise)
    assert made.maximum_reduced_chi2 == pytest.approx(1.5 * np.quantile(relative, 0.995))
    expected = 1.5 * np.quantile(np.abs(difference), 0.995)
    assert made.maximum_disagreement_um == pytest.approx(expected, rel=1e-4)


def test_an_outlier_bead_does_not_change_the_limits() -> None:
    """Look-up and family are each combined over the beads before they are compared."""
    tiles, predicted, _ = simulate(Model(sd_um=(0.1, 0.1)), (4, 50, 6))
    odd = tiles.bead % 10_000 == 0
    match = match_of(
        tiles, tiles.dz_um + np.where(odd, 40.0, 0.0), reduced_chi2=np.where(odd, 90.0, 1.0)
    )
    made = calibrated(tiles, predicted, match=match)
    assert made.maximum_reduced_chi2 == pytest.approx(1.5)
    assert made.maximum_disagreement_um < 1.5


def test_images_without_predictions_are_excluded() -> None:
    tiles, predicted, _ = simulate(Model(members=2), (4, 50, 6))
    dz, sd = predicted.dz_um.copy(), predicted.sd_um.copy()
    dz[0, tiles.frame % 2 == 0] = np.nan  # each member predicts the tiles it was not trained on
    dz[1, tiles.frame % 4 != 0] = np.nan
    made = calibrated(tiles, Predictions(dz, np.where(np.isfinite(dz), sd, np.nan)))
    counted = np.arange(200) % 4 != 2
    assert made.n_images == np.count_nonzero(counted)
    assert np.isfinite([made.rms_um, made.bead_factor, made.model_u_um]).all()


@pytest.mark.parametrize("order", ["weighted", "members", "beads"])
def test_members_that_hold_out_other_beads_of_an_image(order: str) -> None:
    """A random split, as in the article: no member holds out all beads of an image."""
    model = Model(factor=1.0, image_um=1.0, members=5)
    tiles, predicted, _ = simulate(model, (4, 50, 10))
    part = np.random.default_rng(2).integers(0, 5, len(tiles))
    seen = part != np.arange(5)[:, None]
    dz = np.where(seen, np.nan, predicted.dz_um)
    made = calibrated(tiles, Predictions(dz, np.where(seen, np.nan, predicted.sd_um)), order=order)
    assert made.n_images == 200
    assert made.bead_factor == pytest.approx(1.0, rel=0.1)
    assert made.model_u_um == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("held_by_truth", [1.0, 3.0])
def test_a_model_of_narrow_intervals_states_it_and_widens_them(held_by_truth: float) -> None:
    """Some images err by more than all others, as far as the calibration's variance does not show.

    A tenth of the images is off by up to eight times the typical error, which a normal distribution of
    their common variance does not hold.
    """
    tiles, predicted, truth = simulate(Model(image_um=0.3), (4, 60, 6))
    rng = np.random.default_rng(5)
    far = rng.random(len(truth)) < 0.1
    apart = np.where(far, 8.0 * rng.choice([-1.0, 1.0], len(truth)), 0.0) * (held_by_truth > 1)
    predicted = Predictions(predicted.dz_um + apart[tiles.frame], predicted.sd_um)
    made = calibrated(tiles, predicted)
    assert made.coverage is not None
    assert made.coverage.n_images == 240
    narrow = made.coverage.is_low
    assert (made.widening > 1.0) == narrow == (held_by_truth > 1)
    if narrow:
        assert made.coverage.observed < 0.93


@pytest.mark.parametrize("factor", [1.0, 1.3, 4.0])
@pytest.mark.parametrize("dof", [2.0, 8.0, 1000.0])
def test_widening_multiplies_the_interval_and_its_uncertainty(factor: float, dof: float) -> None:
    tiles, predicted, _ = simulate(Model(image_um=0.5))
    made = calibrated(tiles, predicted).model_copy(update={"beads_dof": dof, "widening": 1.0})
    rows = np.flatnonzero(tiles.frame == 0)
    spread = Spread(made.bead_factor, made.height_um, made.rise_um_per_size, 0.0)
    one = Predictions(predicted.dz_um[:, rows], predicted.sd_um[:, rows])
    combined = combine(one, tiles.offset_px[rows], np.ones(len(rows)), spread, EstimateSettings())
    before = make_interval(combined, made, 1, 0.95)
    after = make_interval(combined, made.model_copy(update={"widening": factor}), 1, 0.95)
    assert after.half_um == pytest.approx(factor * before.half_um)
    assert after.parts.total_um == pytest.approx(factor * before.parts.total_um)
    assert after.parts.calibration_um >= before.parts.calibration_um
    assert (after.parts.beads_um, after.dof) == (before.parts.beads_um, before.dof)


def test_labels_of_a_field_have_the_errors_of_its_plane_and_position() -> None:
    tiles, _, _ = simulate(Model(label_um=0.5), (4, 10, 3))
    u_um = image_label_u_um(tiles, label_errors(stage_u_um=0.3))
    np.testing.assert_allclose(u_um, np.sqrt(0.5**2 + 4 * (0.4**2 + 0.3**2)))
