"""The single images of an estimate: listed, and checked against the model."""

from collections.abc import Sequence
from pathlib import Path

from refp.core.errors import ModelError
from refp.models import ModelCard
from refp.pipeline.checks import check_declared
from refp.settings import is_alike
from refp.sweeps import SingleImage, list_images, overridden_pixel_size
from refp.sweeps.pages import ALL_PAGES, Choice


def open_images(
    card: ModelCard,
    paths: Sequence[Path],
    choice: Choice = ALL_PAGES,
    *,
    instrument: str | None = None,
) -> tuple[list[SingleImage], list[str]]:
    """List the images of files and folders and check them against a model.

    Parameters
    ----------
    card
        The model's card.
    paths
        Files and folders.
    choice
        Channel, time point and pixel size.
    instrument
        Instrument as given by the user; the files are not checked then.

    Returns
    -------
    list of SingleImage
        The images.
    list of str
        Remarks about metadata that were overridden.

    Raises
    ------
    DataError
        As :func:`refp.sweeps.list_images`.
    ModelError
        If a file, its ``sweep.toml``, or the user states another instrument than the model's.
    """
    images = list_images(paths, channel=choice.channel, t=choice.t)
    own_um, given_um = card.instrument.optics.pixel_size_um, choice.pixel_size_um
    stated = {image.path: image.pixel_size_um for image in images if image.pixel_size_um}
    if given_um is None:
        check_declared(card, instrument, paths, stated)
        return images, []
    if not is_alike(given_um, own_um):
        raise ModelError(
            f"--pixel-size-um {given_um:g}: the model is for {own_um:g} um; train a model on this "
            "instrument"
        )
    return images, overridden_pixel_size(stated, given_um)
