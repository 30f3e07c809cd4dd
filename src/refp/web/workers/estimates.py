"""Functions of workers on models and images: describe, estimate, draw."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image as PillowImage

from refp.core import jit
from refp.core.arrays import FloatArray, Image
from refp.core.digests import hash_path
from refp.core.errors import DataError, MissingExtraError, RefpError
from refp.core.files import to_json
from refp.core.flags import BeadFlag
from refp.estimate import Assessment, FocusEstimate, batch, refused
from refp.estimate.adaptation import adapt_stack
from refp.estimate.estimator import Estimator, ImageEstimate, MeasuredImage
from refp.estimate.rows import estimate_rows, with_verdicts
from refp.models import load_model
from refp.models.describe import describe_card, describe_file
from refp.pipeline.images import open_images
from refp.pipeline.qualification import Qualifier, make_qualifier
from refp.plane.match import rows_at
from refp.settings import Identity
from refp.sweeps import SingleImage, declared_identity, list_images
from refp.sweeps.formats.guard import bad_image
from refp.sweeps.pages import Choice
from refp.sweeps.readers import read_header
from refp.web.messages import (
    BeadView,
    ImageView,
    LookupComparison,
    ModelInfo,
    PageEstimate,
    Row,
    Task,
)
from refp.web.storage.roots import find_inside
from refp.web.wording.remedies import BEAD_WORDS

MAX_MODELS = 4
"""Models in the memory of a worker."""
MAX_WIDTH_PX = 1600
CONTRAST = (0.1, 99.9)


def describe_model(path: Path) -> ModelInfo:
    """Return the description of a model file, or the error of loading it."""
    try:
        card = load_model(path).card
    except RefpError as error:
        return ModelInfo(path, path.stem, {}, [], "", str(error))
    lines = [(label, str(value)) for label, value in describe_card(card)]
    file = describe_file(path)
    return ModelInfo(path, card.name, card.model_dump(mode="json"), lines, str(file["sha256"]))


def compile_kernels() -> None:
    """Compile every kernel into the cache on disk."""
    from refp.measure import dataset as _  # noqa: F401 - importing it declares its kernels

    jit.compile_kernels()


def warm_up(models: Sequence[Path], database: str) -> None:
    """Load the first model, estimate a synthetic image, and open the history.

    Parameters
    ----------
    models
        Model files.
    database
        Database of the history; empty without a history.
    """
    for path in models[:1]:
        batch.warm_up(_load(path, _stamp(path)))
    if database:
        from refp.web.workers.history import list_baselines

        list_baselines(database, "")


def list_files(paths: Sequence[str], roots: Sequence[Path], max_files: int) -> list[Path]:
    """Return the image files of paths under the roots; links are resolved before the check.

    Raises
    ------
    OutsideRoots
        If a path, or a file of a folder, is outside the roots, whether it exists or not.
    DataError
        If a path does not exist, or there are too many files.
    """
    files: list[Path] = []
    for path in paths:
        inside = find_inside(path, roots)
        for image in list_images([inside]):
            if image.path not in files:
                files.append(find_inside(str(image.path), roots))
    if len(files) > max_files:
        raise DataError(
            f"{len(files)} files, at most {max_files} in a request; send several requests"
        )
    return list(dict.fromkeys(files))


def estimate_file(task: Task, view: bool) -> list[PageEstimate]:
    """Estimate every page of a file, as ``refp estimate`` does.

    Raises
    ------
    ModelError
        If the model cannot be loaded, or the file states another instrument.
    DataError, MissingExtraError
        If the image of a daily check cannot be decoded; nothing is recorded then.
    """
    estimator = _load(task.model, _stamp(task.model))
    problem = _too_large(task)
    if problem:
        return refuse_file(task, problem)
    choice = Choice(**asdict(task.choice))
    sources, _ = open_images(estimator.card, [task.path], choice)
    digests = hash_path(task.path), _model_digest(task.model, _stamp(task.model))
    page_estimates: list[PageEstimate] = []
    results: list[ImageEstimate] = []
    qualify = _qualifier(estimator, task)
    for source in sources:
        result, seen, image = _estimate(estimator, source)
        if image is None and task.requester.purpose:
            source.read()  # raises, unless the image was decoded but not measured
        result = replace(result, estimate=qualify(source, result.estimate))
        row = _row(task, source.page, result.estimate, estimator.card.name)
        picture = _view(estimator, result, seen, image) if view and image is not None else None
        page_estimates.append(PageEstimate(row, source.page, *digests, picture))
        results.append(result)
    return _record(task, estimator, results, page_estimates)


def refuse_file(task: Task, sentence: str) -> list[PageEstimate]:
    """Return the refusal of an unreadable file."""
    estimator = _load(task.model, _stamp(task.model))
    coverage = estimator.card.recipe.get("estimate", {}).get("coverage", 0.95)
    estimate = refused("unreadable", sentence, coverage)
    row = _row(task, 0, estimate, estimator.card.name)
    model = _model_digest(task.model, _stamp(task.model))
    page_estimates = [PageEstimate(row, 0, hash_path(task.path), model)]
    unmeasured = ImageEstimate(task.name, estimate, None, np.zeros(0, dtype=np.bool_))
    return _record(task, estimator, [unmeasured], page_estimates)


def _record(
    task: Task,
    estimator: Estimator,
    results: Sequence[ImageEstimate],
    page_estimates: list[PageEstimate],
) -> list[PageEstimate]:
    """Append the estimates to the history, if any; return them with record ids and earlier record."""
    if not task.history:
        return page_estimates
    from refp.web.workers.history import append_estimates, find_earlier  # requires extra "history"

    earlier = find_earlier(task.history, page_estimates[0].image_sha256) if page_estimates else None
    ids = append_estimates(task, estimator, results, page_estimates)
    return [
        replace(page_estimate, record_id=one, earlier=earlier)
        for page_estimate, one in zip(page_estimates, ids, strict=True)
    ]


def draw_overlay(task: Task, page: int) -> bytes:
    """Return the picture that ``refp estimate --overlay`` writes, as PNG; empty without beads."""
    from refp.pipeline.overlays import overlay_writer  # takes a second to load

    estimator = _load(task.model, _stamp(task.model))
    colour = Choice(task.choice.channel).colour
    source = SingleImage(task.path, page, colour=colour)
    result = estimator.estimate_source(source)
    estimate = _qualifier(estimator, task)(source, result.estimate)
    named = ImageEstimate(_label(task, page), estimate, result.measured, result.used)
    with TemporaryDirectory() as folder:
        overlay_writer([source], estimator.card, Path(folder), task.tolerance_um)(0, named)
        return b"".join(path.read_bytes() for path in Path(folder).glob("*.png"))


def write_csv(rows: Sequence[Row]) -> str:
    """Return rows as ``refp estimate -o`` writes them."""
    import pandas as pd  # slow to import

    return pd.DataFrame(list(rows)).to_csv(index=False, float_format="%.9g")


@lru_cache(maxsize=MAX_MODELS)
def _load(path: Path, stamp: tuple[int, int]) -> Estimator:  # noqa: ARG001
    return Estimator.load(path)


@lru_cache(maxsize=MAX_MODELS)
def _model_digest(path: Path, stamp: tuple[int, int]) -> str:  # noqa: ARG001
    return hash_path(path)


def _stamp(path: Path) -> tuple[int, int]:
    """Return time and size of a file, as a cache key; ``(0, 0)`` if it does not exist."""
    if not path.is_file():
        return 0, 0
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _too_large(task: Task) -> str:
    """Return the message about a file beyond the limits, by its header; empty within them."""
    try:
        header = read_header(task.path)
    except RefpError:
        return ""  # reading it raises the error
    pixels = header.shape[0] * header.shape[1]
    if pixels > task.max_pixels:
        problem = (
            f"{pixels / 1e6:.0f} million pixels, at most {task.max_pixels / 1e6:.0f} are allowed"
        )
    elif header.n_planes > task.max_pages:
        problem = f"{header.n_planes} pages, at most {task.max_pages} are allowed"
    else:
        return ""
    return str(bad_image(Path(task.name), problem, "crop or split it"))


def _qualifier(estimator: Estimator, task: Task) -> Qualifier:
    given = Identity(serial=task.requester.serial)
    stated = declared_identity(task.path).completed(given)
    return make_qualifier(estimator, task.history, stated, direction=task.direction)


def _estimate(
    estimator: Estimator, source: SingleImage
) -> tuple[ImageEstimate, MeasuredImage | None, Image | None]:
    """Return the estimate of an image with its measurement; an unreadable image is refused."""
    try:
        image = source.read()
        seen, result = estimator.examine(image, source.label)
    except (DataError, MissingExtraError):
        return estimator.estimate_source(source), None, None  # which states the reason
    return result, seen, image


def _label(task: Task, page: int) -> str:
    return task.name if page == 0 else f"{task.name}#{page}"


def _row(task: Task, page: int, estimate: FocusEstimate, model: str) -> Row:
    rows = estimate_rows([_label(task, page)], [estimate], model)
    if task.tolerance_um is not None:
        rows = with_verdicts(rows, [estimate], task.tolerance_um)
    reason = str(rows[0]["reason"]).replace(str(task.path), task.name)
    rows[0]["reason"] = reason.replace(task.path.name, task.name)
    row: Row = json.loads(to_json(rows[0]))
    return row


def _view(
    estimator: Estimator, result: ImageEstimate, seen: MeasuredImage | None, image: Image
) -> ImageView | None:
    if seen is None or seen.measurement is None:  # models of whole images measure no beads
        return None
    assessment = estimator.assess_measured(seen)
    profiles = seen.measurement.profiles
    pooled, pooled_sd = _pooled(estimator, result.estimate)
    return ImageView(
        png=_picture(image),
        height_px=image.shape[0],
        width_px=image.shape[1],
        radius_px=float(profiles.bead_radius_px),
        beads=_beads(result, seen, assessment),
        radius_radii=[float(r) for r in profiles.radius_radii],
        pooled=pooled,
        pooled_sd=pooled_sd,
        comparison=_compare_with_lookup(estimator, result.estimate, assessment),
    )


def _picture(image: Image) -> bytes:
    step = -(-image.shape[1] // MAX_WIDTH_PX)
    small = image[::step, ::step]
    low, high = np.percentile(small[:: len(small) // 500 + 1], CONTRAST)
    grey = np.clip((small - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    PillowImage.fromarray(grey).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _beads(
    result: ImageEstimate, seen: MeasuredImage, assessment: Assessment | None
) -> list[BeadView]:
    assert seen.measurement is not None
    beads, profiles = seen.measurement.beads, seen.measurement.profiles
    alone = np.full(len(beads), np.nan)
    if assessment is not None and result.estimate.status != "refused":
        alone[seen.rows] = assessment.match.dz_um
    values = np.where(profiles.saturated, np.nan, profiles.normalised)
    ok = result.estimate.status != "refused"
    return [
        BeadView(
            y_px=round(float(profiles.center_px[i, 0]), 2),
            x_px=round(float(profiles.center_px[i, 1]), 2),
            used=bool(result.used[i]),
            reason=_describe_use(int(beads.flags[i]), used=bool(result.used[i]), ok=ok),
            dz_um=round(float(alone[i]), 2) if np.isfinite(alone[i]) else None,
            profile=_plain(values[i]),
        )
        for i in range(len(beads))
    ]


def _describe_use(flags: int, *, used: bool, ok: bool) -> str:
    """Return whether a bead was used, and the reason if not."""
    if used:
        return "used"
    reasons = [words for flag, words in BEAD_WORDS.items() if flag in BeadFlag(flags)]
    if reasons:
        return "excluded: " + "; ".join(reasons)
    return "excluded: it disagrees with the others" if ok else "not used: the image was refused"


def _pooled(estimator: Estimator, estimate: FocusEstimate) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of the pooled stack at the dZ of an image; empty without."""
    if estimate.status == "refused" or not len(estimator.stack.radius_radii):
        return [], []
    stack = adapt_stack(estimator.stack, estimator.card.adaptation)
    at_um = np.array([estimate.delta_z_um])
    mean, sd = (rows_at(part, stack.dz_um, at_um)[0] for part in (stack.mean, stack.sd))
    return [float(v) for v in mean], [float(v) for v in sd]


def _compare_with_lookup(
    estimator: Estimator, estimate: FocusEstimate, assessment: Assessment | None
) -> LookupComparison | None:
    if assessment is None or estimate.status == "refused":
        return None
    card = estimator.card
    return LookupComparison(
        family=card.family,
        family_um=assessment.combined.dz_um,
        lookup_um=assessment.lookup_um,
        limit_um=card.calibration.maximum_disagreement_um,
    )


def _plain(values: FloatArray) -> list[float | None]:
    return [round(float(v), 5) if np.isfinite(v) else None for v in values]
