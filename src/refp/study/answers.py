"""What every member of a model says of every bead of every frame, and what that comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.errors import DataError
from refp.core.parallel import Execution, iter_ordered
from refp.core.robust import IQR_FACTOR
from refp.estimate import FocusEstimate, refused
from refp.estimate.estimator import Estimator
from refp.measure.features import SweepMeasurement
from refp.pipeline.tables import KEY_COLUMNS, error_table, estimate_table
from refp.sweeps import Frame, SweepKey

MEMBER = "member_{:02d}_um"
NO_BEAD = -1


@dataclass(frozen=True, slots=True)
class Answers:
    """A model asked about frames of known dZ.

    Attributes
    ----------
    beads
        A row per bead and frame: keys, ``z_um``, ``image``, ``bead`` (the same number for the same
        bead in all frames of a field), ``delta_z_true_um``, and what each member says.
    errors
        A row per frame, the columns of ``errors.csv``: what the model says of it, or its refusal.
    """

    beads: pd.DataFrame
    errors: pd.DataFrame

    @property
    def members(self) -> list[str]:
        """Columns of the members."""
        return [name for name in self.beads.columns if name.startswith("member_")]


@dataclass(frozen=True, slots=True)
class _Told:
    estimate: FocusEstimate
    member_um: FloatArray
    center_px: FloatArray


def ask(
    estimator: Estimator,
    frames: Sequence[Frame],
    refp_um: Sequence[float],
    sweeps: Sequence[SweepMeasurement],
    *,
    execution: Execution,
    title: str,
) -> Answers:
    """Ask a model about frames.

    Parameters
    ----------
    estimator
        A model that was loaded from a file.
    frames, refp_um
        What is asked about, and the plane of each.
    sweeps
        The frames as measured in their sweeps, which tell beads apart.
    execution, title
        Executor for the work, and callback for progress.
    """
    told: list[_Told] = []
    for answer in iter_ordered(partial(_ask, estimator), frames, len(frames), execution.workers):
        told.append(answer)
        execution.progress(title, len(told), len(frames))
    names = [frame.label for frame in frames]
    said = estimate_table(names, [t.estimate for t in told], estimator.card.name)
    return Answers(
        beads=_bead_table(estimator.card.members, frames, refp_um, told, _places(sweeps)),
        errors=error_table(frames, said, list(refp_um)),
    )


def _ask(estimator: Estimator, frame: Frame) -> _Told:
    try:
        seen = estimator.measure(frame.read())
    except DataError as error:
        nobody = np.empty((estimator.card.members, 0))
        return _Told(refused("unreadable", str(error), 0.95), nobody, np.empty((0, 2)))
    estimate = estimator.estimate_measured(seen).estimate
    centers = np.full((len(seen.rows), 2), np.nan)
    if seen.measurement is not None:
        centers = seen.measurement.profiles.center_px[seen.rows]
    if not len(seen.rows):
        return _Told(estimate, np.empty((estimator.card.members, 0)), centers)
    return _Told(estimate, estimator.predict(seen).dz_um, centers)


Places = dict[tuple[SweepKey, float], tuple[FloatArray, IntArray, float]]


def _places(sweeps: Sequence[SweepMeasurement]) -> Places:
    """Where the beads of each frame stand, their numbers, and how near is the same bead."""
    places: Places = {}
    for sweep in sweeps:
        for i, frame in enumerate(sweep.frames):
            here = sweep.frame_index == i
            near_px = sweep.profiles.bead_radius_px / 2
            centers = sweep.profiles.center_px[here]
            places[frame.key, frame.z_um] = (centers, sweep.bead_number[here], near_px)
    return places


def _bead_table(
    members: int,
    frames: Sequence[Frame],
    refp_um: Sequence[float],
    told: Sequence[_Told],
    places: Places,
) -> pd.DataFrame:
    names = [MEMBER.format(m + 1) for m in range(members)]
    parts = [
        _beads_of(frame, plane_um, answer, places).assign(
            **dict(zip(names, answer.member_um, strict=True))
        )
        for frame, plane_um, answer in zip(frames, refp_um, told, strict=True)
    ]
    columns = [*KEY_COLUMNS, "z_um", "image", "bead", "delta_z_true_um", *names]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _beads_of(frame: Frame, refp_um: float, answer: _Told, places: Places) -> pd.DataFrame:
    """Return the beads of one frame, without what is said of them."""
    key, n = frame.key, len(answer.center_px)
    own = (key.dataset, key.experiment, key.fov, key.exposure_ms, frame.z_um, frame.label)
    same = dict(zip((*KEY_COLUMNS, "z_um", "image"), own, strict=True))
    number = _number(answer.center_px, places.get((key, frame.z_um)))
    dz_um = np.full(n, frame.z_um - refp_um)
    table = pd.DataFrame({"bead": number, "delta_z_true_um": dz_um})
    return table.assign(**same)[[*same, "bead", "delta_z_true_um"]]


def _number(center_px: FloatArray, place: tuple[FloatArray, IntArray, float] | None) -> IntArray:
    """Return the numbers of the beads that stand where the sweep knows them, else none."""
    numbers = np.full(len(center_px), NO_BEAD, dtype=np.int64)
    if place is None or not len(place[0]) or not len(center_px):
        return numbers
    centers, known, near_px = place
    apart = np.linalg.norm(center_px[:, None] - centers[None], axis=2)
    apart[np.isnan(apart)] = np.inf
    nearest = apart.argmin(axis=1)
    near = apart[np.arange(len(center_px)), nearest] <= near_px
    numbers[near] = known[nearest[near]]
    return numbers


def image_errors(answers: Answers, members: int | None = None) -> pd.DataFrame:
    """Return the error of every image as the article combines beads and members, nothing refused.

    Parameters
    ----------
    answers
        From :func:`ask`.
    members
        How many members speak, the first ones; default: all.

    Returns
    -------
    DataFrame
        A row per image with a bead: keys, ``z_um``, ``delta_z_true_um``, ``delta_z_um``,
        ``error_um``, ``n_beads_used``. Of each member the mean of its beads without outliers, of
        those the mean.

    References
    ----------
    Chalfoun et al. 2024, "Inferencing with multiple trained models".
    """
    names = answers.members[:members]
    rows = []
    keys = [*KEY_COLUMNS, "z_um"]
    for key, beads in answers.beads.groupby(keys, sort=False, dropna=False):
        said = beads[names].to_numpy(dtype=np.float64).T
        means, counted = mean_of_inliers(said)
        truth = float(beads["delta_z_true_um"].iloc[0])
        dz_um = float(means.mean())
        n_used = int(np.median(counted))
        rows.append((*_as_tuple(key), truth, dz_um, dz_um - truth, n_used))
    columns = [*keys, "delta_z_true_um", "delta_z_um", "error_um", "n_beads_used"]
    return pd.DataFrame(rows, columns=columns)


def mean_of_inliers(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return mean and number of the values of each row that are no outlier.

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


def draw_beads(answers: Answers, n_beads: int, members: int, n_draws: int, seed: int) -> Draws:
    """Return the errors of images of a data set when each is estimated from few beads and members.

    Parameters
    ----------
    answers
        Of one data set.
    n_beads, members
        How many of each.
    n_draws
        In each draw the beads of a field have an order of their own, and every image is estimated
        from the first ones that it shows: the same beads through the sweep, as in a sample.
    seed
        Of the draws.

    Notes
    -----
    Per bead the median of the members, over beads the mean without outliers; the members of a draw
    are drawn too.

    References
    ----------
    Chalfoun et al. 2024, "Number of models and number of beads".
    """
    if answers.beads.empty:
        return Draws(np.empty(0), np.empty((n_draws, 0)))
    rng = np.random.default_rng(seed)
    columns = answers.members
    chosen = np.stack(
        [rng.permutation(len(columns))[:members] for _ in range(n_draws)]
    )  # (draws, members)
    table = answers.beads
    rank = _ranks(table, n_draws, rng)
    said = table[columns].to_numpy(dtype=np.float64)
    groups = table.groupby([*KEY_COLUMNS, "z_um"], sort=False, dropna=False).indices
    errors = np.full((n_draws, len(groups)), np.nan)
    exposures = np.empty(len(groups))
    truth = table["delta_z_true_um"].to_numpy(dtype=np.float64)
    for i, rows in enumerate(groups.values()):
        exposures[i] = table["exposure_ms"].iloc[rows[0]]
        if len(rows) < n_beads:
            continue
        first = np.argsort(rank[:, rows], axis=1)[:, :n_beads]
        beads = said[rows][first]  # (draws, beads, all members)
        spoken = np.take_along_axis(beads, chosen[:, None, :], axis=2)
        errors[:, i] = mean_of_inliers(np.median(spoken, axis=2))[0] - truth[rows[0]]
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
    """Mark the images whose dZ lies in the trained range."""
    inside: BoolArray = table["delta_z_true_um"].between(*trained_um).to_numpy()
    return inside


def _as_tuple(key: object) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)
