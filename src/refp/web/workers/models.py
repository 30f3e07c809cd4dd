"""What worker processes do about models: look at one that was sent, and check what is asked for."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from refp.core.digests import hash_file
from refp.core.errors import ModelError
from refp.estimate.estimator import Estimator
from refp.models import check_libraries
from refp.settings import Recipe, load_recipe
from refp.web.storage.models import RETIRED, SUFFIX, NameTaken, check_free, move_model, publish
from refp.web.workers.checks import check_options


def take_model(
    sent: Path, called: str, name: str, folder: Path, others: Sequence[Path]
) -> tuple[str, bool]:
    """Load a model that somebody sent, and put it among those in use.

    Parameters
    ----------
    sent, called
        Where it lies, and what its owner calls it.
    name
        What it is to be called; as its owner does where it is empty.
    folder
        Of models in use.
    others
        Model files elsewhere, whose names are taken.

    Returns
    -------
    tuple of str and bool
        Its file's name, and whether it is new: the same content is kept once.

    Raises
    ------
    ModelError
        If it is none.
    OutputError, NameTaken
        If the name is none, or not free; or if the model is here, and retired.
    """
    try:
        digest = Estimator.load(sent).file_sha256
    except ModelError as error:
        raise ModelError(str(error).replace(str(sent), called)) from error
    known = _same(sent, digest, [*folder.glob(f"*{SUFFIX}"), *others])
    if known is not None:
        return known.name, False
    retired = _same(sent, digest, (folder / RETIRED).glob(f"*{SUFFIX}"))
    if retired is not None:
        raise NameTaken(f"{called}: is here and retired, as {retired.name}; restore that")
    file = check_free(name or called, folder, [path.name for path in others])
    publish(sent, folder / file)
    return file, True


def check_training(recipe: str, family: str) -> None:
    """Refuse a training that could not even begin.

    Raises
    ------
    RecipeError
        If there is no such recipe, or it does not go with the family.
    MissingExtraError
        If a library for it is not installed.
    """
    check_options(recipe, "")
    settings: Recipe = load_recipe(recipe)
    if family:
        settings = settings.replace("train.family", family, source=f"family {family}")
    check_libraries(settings.train)


def retire_model(model: Path) -> None:
    """Move a model and its report to those that are kept and not offered."""
    move_model(model, model.parent / RETIRED)


def restore_model(model: Path) -> None:
    """Move a retired model and its report back to those in use, as the newest: not as the default."""
    os.utime(move_model(model, model.parent.parent))


def _same(sent: Path, digest: str, models: Iterable[Path]) -> Path | None:
    size = sent.stat().st_size
    alike = (path for path in models if path.is_file() and path.stat().st_size == size)
    return next((path for path in alike if hash_file(path) == digest), None)
