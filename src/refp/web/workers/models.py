"""Functions of workers on models: store uploads, check trainings, retire and restore."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from refp.core.digests import hash_file
from refp.core.errors import ModelError
from refp.estimate.estimator import Estimator
from refp.models import check_libraries
from refp.settings import Recipe, load_recipe
from refp.web.storage.models import (
    RETIRED,
    SUFFIX,
    NameTaken,
    check_free,
    choose_default,
    chosen_default,
    move_model,
    publish,
)
from refp.web.workers.checks import check_options


def take_model(
    sent: Path, called: str, name: str, folder: Path, others: Sequence[Path]
) -> tuple[str, bool]:
    """Check an uploaded model and add it to those in use.

    Parameters
    ----------
    sent, called
        Path and original name.
    name
        New name; the original name if empty.
    folder
        Folder of models in use.
    others
        Model files elsewhere, whose names are taken.

    Returns
    -------
    tuple of str and bool
        File name, and whether the model is new: the same content is stored once.

    Raises
    ------
    ModelError
        If the file is not a model.
    OutputError, NameTaken
        If the name is invalid or taken, or the model is a retired one.
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
        raise NameTaken(
            f"{called}: the server has this model, retired as {retired.name}; restore it"
        )
    file = check_free(name or called, folder, [path.name for path in others])
    publish(sent, folder / file)
    return file, True


def check_training(recipe: str, family: str) -> None:
    """Raise if a training could not start.

    Raises
    ------
    RecipeError
        If there is no such recipe, or it does not suit the family.
    MissingExtraError
        If a library for it is not installed.
    """
    check_options(recipe, "")
    settings: Recipe = load_recipe(recipe)
    if family:
        settings = settings.replace("train.family", family, source=f"family {family}")
    check_libraries(settings.train)


def retire_model(model: Path) -> None:
    """Move a model and its report to the retired ones; it is no longer the chosen default."""
    move_model(model, model.parent / RETIRED)
    if chosen_default(model.parent) == model.name:
        choose_default(model.parent, "")


def restore_model(model: Path) -> None:
    """Move a retired model and its report back to those in use, as the newest, not as the default."""
    os.utime(move_model(model, model.parent.parent))


def _same(sent: Path, digest: str, models: Iterable[Path]) -> Path | None:
    size = sent.stat().st_size
    alike = (path for path in models if path.is_file() and path.stat().st_size == size)
    return next((path for path in alike if hash_file(path) == digest), None)
