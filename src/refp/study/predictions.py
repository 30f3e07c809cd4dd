"""Predictions of each member of a model for each bead of each frame, and errors of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.errors import DataError
from refp.core.labels import Label
from refp.core.parallel import Execution, iter_ordered
from refp.core.robust import IQR_FACTOR
from refp.estimate import FocusEstimate, refused
from refp.estimate.estimator import Estimator
from refp.measure.features import SweepMeasurement
from refp.pipeline.tables import KEY_COLUMNS, error_table, estimate_table, key_row
from refp.sweeps import Frame, SweepKey

MEMBER = "member_{:02d}_um"
NO_BEAD = -1


@dataclass(frozen=True, slots=True)
class MemberPredictions:
    """Predictions of a model for frames of known dZ.

    Attributes
    ----------
    beads
        A row per bead and frame: keys, ``z_um``, ``image``, ``bead`` (the same number for the same
        bead in all frames of a field), ``delta_z_true_um``, and the prediction of each member.
    errors
        A row per frame, the columns of ``errors.csv``: the estimate of the model, or its refusal.
    """

    beads: pd.DataFrame
    errors: pd.DataFrame

    @property
    def members(self) -> list[str]:
        """Names of the columns of the members."""
        return [name for name in self.beads.columns if name.startswith("member_")]


@dataclass(frozen=True, slots=True)
class _FramePredictions:
    estimate: FocusEstimate
    member_um: FloatArray
    center_px: FloatArray


def predict_frames(
    estimator: Estimator,
    frames: Sequence[Frame],
    labels: Sequence[Label],
    sweeps: Sequence[SweepMeasurement],
    *,
    execution: Execution,
    title: str,
) -> MemberPredictions:
    """Predict dZ of frames by each member of a model, and estimate the frames.

    Parameters
    ----------
    estimator
        An estimator loaded from a file.
    frames, labels
        Frames, and the label of each.
    sweeps
        Measurements of the sweeps of the frames, which identify beads.
    execution, title
        Executor for the work and callback for progress, and the title of the progress.
    """
    predicted: list[_FramePredictions] = []
    predict = partial(_predict, estimator)
    for one in iter_ordered(predict, frames, len(frames), execution.workers):
        predicted.append(one)
        execution.progress(title, len(predicted), len(frames))
    names = [frame.label for frame in frames]
    estimates = estimate_table(names, [one.estimate for one in predicted], estimator.card.name)
    return MemberPredictions(
        beads=_bead_table(estimator.card.members, frames, labels, predicted, _positions(sweeps)),
        errors=error_table(frames, estimates, labels),
    )


def _predict(estimator: Estimator, frame: Frame) -> _FramePredictions:
    try:
        seen = estimator.measure(frame.read())
    except DataError as error:
        empty = np.empty((estimator.card.members, 0))
        return _FramePredictions(refused("unreadable", str(error), 0.95), empty, np.empty((0, 2)))
    estimate = estimator.estimate_measured(seen).estimate
    centers = np.full((len(seen.rows), 2), np.nan)
    if seen.measurement is not None:
        centers = seen.measurement.profiles.center_px[seen.rows]
    if not len(seen.rows):
        return _FramePredictions(estimate, np.empty((estimator.card.members, 0)), centers)
    return _FramePredictions(estimate, estimator.predict(seen).dz_um, centers)


Positions = dict[tuple[SweepKey, float], tuple[FloatArray, IntArray, float]]
"""Centres of the beads of each frame, their numbers, and the largest distance of a match, px."""


def _positions(sweeps: Sequence[SweepMeasurement]) -> Positions:
    """Return the positions of the numbered beads of each frame."""
    positions: Positions = {}
    for sweep in sweeps:
        for i, frame in enumerate(sweep.frames):
            rows = sweep.frame_index == i
            near_px = sweep.profiles.bead_radius_px / 2
            centers = sweep.profiles.center_px[rows]
            positions[frame.key, frame.z_um] = (centers, sweep.bead_number[rows], near_px)
    return positions


def _bead_table(
    members: int,
    frames: Sequence[Frame],
    labels: Sequence[Label],
    predicted: Sequence[_FramePredictions],
    positions: Positions,
) -> pd.DataFrame:
    names = [MEMBER.format(m + 1) for m in range(members)]
    parts = [
        _beads_of(frame, label.dz_um, one, positions).assign(
            **dict(zip(names, one.member_um, strict=True))
        )
        for frame, label, one in zip(frames, labels, predicted, strict=True)
    ]
    columns = [*KEY_COLUMNS, "z_um", "image", "bead", "delta_z_true_um", *names]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _beads_of(
    frame: Frame, label_um: float, predicted: _FramePredictions, positions: Positions
) -> pd.DataFrame:
    """Return the beads of one frame, without their predictions."""
    key, n = frame.key, len(predicted.center_px)
    own = (*key_row(key), frame.z_um, frame.label)
    same = dict(zip((*KEY_COLUMNS, "z_um", "image"), own, strict=True))
    number = _number(predicted.center_px, positions.get((key, frame.z_um)))
    table = pd.DataFrame({"bead": number, "delta_z_true_um": np.full(n, label_um)})
    return table.assign(**same)[[*same, "bead", "delta_z_true_um"]]


def _number(
    center_px: FloatArray, known_beads: tuple[FloatArray, IntArray, float] | None
) -> IntArray:
    """Return the number of the nearest bead of the sweep, or ``NO_BEAD`` where none is near."""
    numbers = np.full(len(center_px), NO_BEAD, dtype=np.int64)
    if known_beads is None or not len(known_beads[0]) or not len(center_px):
        return numbers
    centers, known, near_px = known_beads
    distance = np.linalg.norm(center_px[:, None] - centers[None], axis=2)
    distance[np.isnan(distance)] = np.inf
    nearest = distance.argmin(axis=1)
    near = distance[np.arange(len(center_px)), nearest] <= near_px
    numbers[near] = known[nearest[near]]
    return numbers


def image_errors(predictions: MemberPredictions, members: int | None = None) -> pd.DataFrame:
    """Return the error of every image, combined over beads and members as in the article.

    Parameters
    ----------
    predictions
        From :func:`predict_frames`.
    members
        Number of members, the first ones; default: all.

    Returns
    -------
    DataFrame
        A row per image with a bead: keys, ``z_um``, ``delta_z_true_um``, ``delta_z_um``,
        ``error_um``, ``n_beads_used``. dZ is the mean over members of the mean over beads without
        outliers. No image is refused.

    References
    ----------
    Chalfoun et al. 2024, "Inferencing with multiple trained models".
    """
    names = predictions.members[:members]
    rows = []
    keys = [*KEY_COLUMNS, "z_um"]
    for key, beads in predictions.beads.groupby(keys, sort=False, dropna=False):
        member_um = beads[names].to_numpy(dtype=np.float64).T
        means, counted = mean_of_inliers(member_um)
        truth = float(beads["delta_z_true_um"].iloc[0])
        dz_um = float(means.mean())
        n_used = int(np.median(counted))
        rows.append((*_as_tuple(key), truth, dz_um, dz_um - truth, n_used))
    columns = [*keys, "delta_z_true_um", "delta_z_um", "error_um", "n_beads_used"]
    return pd.DataFrame(rows, columns=columns)


def mean_of_inliers(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return mean and number of the values of each row without outliers.

    Parameters
    ----------
    values
        Shape ``(..., n)``, finite.

    Notes
    -----
    The interquartile rule of :func:`refp.core.robust.iqr_inliers`, for many rows at once.
    """
    inside = np.ones(values.shape, dtype=np.bool_)
    if values.shape[-1] >= 4:
        q1, q3 = np.quantile(values, (0.25, 0.75), axis=-1, keepdims=True)
        margin = IQR_FACTOR * (q3 - q1)
        inside = (values >= q1 - margin) & (values <= q3 + margin)
    counted: IntArray = inside.sum(axis=-1)
    means: FloatArray = np.where(inside, values, 0.0).sum(axis=-1) / counted
    return means, counted


@dataclass(frozen=True, slots=True)
class Draws:
    """Errors of images from few beads.

    Attributes
    ----------
    exposure_ms
        Shape ``(images,)``.
    error_um
        Shape ``(draws, images)``; NaN where an image has fewer beads.
    """

    exposure_ms: FloatArray
    error_um: FloatArray


def draw_beads(
    predictions: MemberPredictions, n_beads: int, members: int, n_draws: int, seed: int
) -> Draws:
    """Return the errors of images that are estimated from few beads and members.

    Parameters
    ----------
    predictions
        Predictions for one data set.
    n_beads, members
        Number of beads and of members.
    n_draws
        Number of draws. In each, the beads of a field have a random order, and every image is
        estimated from the first ones that it shows: the same beads through the sweep.
    seed
        Seed of the draws.

    Notes
    -----
    Per bead the median of the members, over beads the mean without outliers; the members of a draw
    are drawn too.

    References
    ----------
    Chalfoun et al. 2024, "Number of models and number of beads".
    """
    if predictions.beads.empty:
        return Draws(np.empty(0), np.empty((n_draws, 0)))
    rng = np.random.default_rng(seed)
    columns = predictions.members
    chosen = np.stack(
        [rng.permutation(len(columns))[:members] for _ in range(n_draws)]
    )  # (draws, members)
    table = predictions.beads
    rank = _ranks(table, n_draws, rng)
    member_um = table[columns].to_numpy(dtype=np.float64)
    groups = table.groupby([*KEY_COLUMNS, "z_um"], sort=False, dropna=False).indices
    errors = np.full((n_draws, len(groups)), np.nan)
    exposures = np.empty(len(groups))
    truth = table["delta_z_true_um"].to_numpy(dtype=np.float64)
    for i, rows in enumerate(groups.values()):
        exposures[i] = table["exposure_ms"].iloc[rows[0]]
        if len(rows) < n_beads:
            continue
        first = np.argsort(rank[:, rows], axis=1)[:, :n_beads]
        beads = member_um[rows][first]  # (draws, beads, all members)
        drawn = np.take_along_axis(beads, chosen[:, None, :], axis=2)
        errors[:, i] = mean_of_inliers(np.median(drawn, axis=2))[0] - truth[rows[0]]
    return Draws(exposures, errors)


def _ranks(table: pd.DataFrame, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Return a random rank of every row in every draw, the same for the rows of one bead."""
    numbered = (table["bead"] != NO_BEAD).to_numpy()
    names = table[[*KEY_COLUMNS[:3], "bead"]].astype(str).agg("\t".join, axis=1).to_numpy()
    names = np.where(numbered, names, [f"row {i}" for i in range(len(table))])
    _, bead = np.unique(names, return_inverse=True)
    ranks: FloatArray = rng.random((n_draws, int(bead.max(initial=-1)) + 1))[:, bead]
    return ranks


def inside_range(table: pd.DataFrame, trained_um: tuple[float, float]) -> BoolArray:
    """Return whether dZ of each image is in the trained range."""
    inside: BoolArray = table["delta_z_true_um"].between(*trained_um).to_numpy()
    return inside


def _as_tuple(key: object) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)
