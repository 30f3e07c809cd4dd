"""Checks that data sets and models agree; each raises an error that names the remedy."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from refp.core.errors import DataError, ModelError
from refp.models import ModelCard
from refp.settings import Instrument, is_alike, make_instrument, read_instrument
from refp.sweeps import DataSet, declared_instrument


def check_same_instrument(datasets: Sequence[DataSet]) -> None:
    """Refuse data sets of different instruments, or of different serial numbers of one make."""
    first = datasets[0]
    for other in datasets[1:]:
        if other.instrument != first.instrument:
            raise DataError(
                f"{other.root}: instrument {other.instrument.name!r} differs from "
                f"{first.instrument.name!r} of {first.root}; run one instrument at a time"
            )
    _check_same_identity(datasets)


def _check_same_identity(datasets: Sequence[DataSet]) -> None:
    """Refuse data sets of two instruments of one make."""
    stated = datasets[0].identity
    for other in datasets[1:]:
        key = stated.conflict(other.identity)
        if key:
            raise DataError(
                f"{other.root}: {key} {getattr(other.identity, key)!r} differs from "
                f"{getattr(stated, key)!r} of {datasets[0].root}; run one instrument at a time"
            )
        stated = stated.completed(other.identity)


def check_different_names(datasets: Sequence[DataSet]) -> None:
    """Refuse data sets of one name, whose fields of view could not be distinguished."""
    roots: dict[str, Path] = {}
    for dataset in datasets:
        first = roots.setdefault(dataset.name, dataset.root)
        if first is not dataset.root:
            raise DataError(
                f"{dataset.root}: data set {dataset.name!r} has the name of {first}; "
                'give each its own: dataset = "..." in its sweep.toml'
            )


def check_different_instruments(groups: Mapping[Instrument, Sequence[DataSet]]) -> None:
    """Refuse two instruments of one name, whose files and planes could not be distinguished."""
    named: dict[str, Path] = {}
    for instrument, datasets in groups.items():
        first = named.setdefault(instrument.name, datasets[0].root)
        if first is not datasets[0].root:
            raise DataError(
                f"{datasets[0].root}: its instrument {instrument.name!r} differs from that of {first} "
                "but has its name; give each a recipe file with a name of its own, or run one at a time"
            )


def check_enough_frames(datasets: Sequence[DataSet], minimum: int) -> None:
    """Refuse data in which no sweep has enough frames for a plane."""
    most = max(len(sweep.frames) for dataset in datasets for sweep in dataset.sweeps)
    if most < minimum:
        found = f"{most} frame{'s' if most > 1 else ''}"
        raise DataError(
            f"{datasets[0].root}: no sweep has more than {found}; a reference plane needs at least "
            f"{minimum} Z positions; record a Z sweep across the plane, or check --pattern if the files "
            "are one sweep"
        )


def check_determined(
    labels: Collection[object], root: Path, purpose: str, reasons: Sequence[str] = ()
) -> None:
    """Refuse data in which no sweep has, or may use, a determined reference plane."""
    if not labels:
        why = f": {reasons[0]}" if reasons else "; see the flags of 'refp plane'"
        raise DataError(f"{root}: no sweep has a determined reference plane to {purpose}{why}")


def check_instrument(card: ModelCard, instrument: Instrument, source: object) -> None:
    """Refuse data of another instrument than the model's.

    Raises
    ------
    ModelError
        If name, pixel size or bead differ; the message names both.
    """
    own = card.instrument
    pixel, bead = instrument.optics.pixel_size_um, instrument.bead.diameter_um
    alike = (
        is_alike(pixel, own.optics.pixel_size_um)
        and is_alike(bead, own.bead.diameter_um)
        and instrument.name == own.name
    )
    if not alike:
        raise ModelError(
            f"{source}: images of instrument {instrument.name!r} ({pixel:g} um/px, bead {bead:g} um), "
            f"but the model is for {own.name!r} ({own.optics.pixel_size_um:g} um/px, bead "
            f"{own.bead.diameter_um:g} um); train a model on this instrument"
        )


def check_declared(
    card: ModelCard,
    instrument: str | None,
    paths: Sequence[Path],
    stated_um: Mapping[Path, float],
) -> None:
    """Refuse images whose metadata declare another instrument than the model's.

    Parameters
    ----------
    card
        The model's card.
    instrument
        Instrument as given by the user; files are not checked then.
    paths
        Images and folders; a sweep.toml beside them is checked.
    stated_um
        Pixel size of the image files that state one, um.

    Raises
    ------
    ModelError
        If they differ; the message names both.
    """
    if instrument is not None:
        check_instrument(card, make_instrument(read_instrument(instrument), instrument), instrument)
        return
    for path in paths:
        declared = declared_instrument(path)
        if declared is not None:
            check_instrument(card, declared, path)
    own_um = card.instrument.optics.pixel_size_um
    for path, pixel_um in stated_um.items():
        if not is_alike(pixel_um, own_um):
            raise ModelError(
                f"{path}: pixel size {pixel_um:g} um, but the model is for {own_um:g} um; "
                "train a model on this instrument, or give the correct value as --pixel-size-um"
            )
