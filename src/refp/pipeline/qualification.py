"""Look up the verification of the instrument that an image states."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from refp.estimate import FocusEstimate
from refp.estimate.estimator import Estimator, recipe_of
from refp.estimate.verification import qualify, with_qualification
from refp.history.verification import Verification, latest_by_serial
from refp.settings import Identity
from refp.sweeps import Frame, SingleImage, declared_identity

Known = Callable[[], Mapping[str, Verification]]
"""Returns the last verification of a model by serial number."""


@dataclass(frozen=True, slots=True)
class Qualifier:
    """Qualify estimates of a model by the verification of the instrument that each image states.

    Attributes
    ----------
    training
        Identity of the model's instrument.
    make_u_um
        Contribution of an unverified instrument to the standard uncertainty, um.
    known
        Called for images that state a serial number.
    given
        Identity as given by the user; it precedes that of the image.
    at
        Time for which a verification must be valid, with its zone.
    """

    training: Identity
    make_u_um: float
    known: Known
    given: Identity = Identity()
    at: datetime = field(default_factory=lambda: datetime.now().astimezone())

    def __call__(self, source: SingleImage | Frame, estimate: FocusEstimate) -> FocusEstimate:
        """Return the estimate with the state of verification; unverified ones are widened."""
        return self.apply(declared_identity(source.path), estimate)

    def apply(self, stated: Identity, estimate: FocusEstimate) -> FocusEstimate:
        """Return the estimate of an image that states an identity, as for the image."""
        identity, last = self._find(stated)
        state = qualify(identity, self.training, last, self.at)
        return with_qualification(estimate, state, self.make_u_um)

    def direction(self, source: SingleImage | Frame) -> int:
        """Return the direction of the stage of an image's instrument.

        Returns
        -------
        int
            1 if the focal plane rises with the Z of the stage, -1 if it falls. It is known from the
            verification of the instrument; that of the training defines it as 1. Else 0.
        """
        identity, last = self._find(declared_identity(source.path))
        if last is not None and last.direction:
            return last.direction
        return int(bool(identity.serial) and identity.serial == self.training.serial)

    def _find(self, stated: Identity) -> tuple[Identity, Verification | None]:
        """Return the identity of an image's instrument, and its last verification."""
        identity = self.given.completed(stated)
        return identity, self.known().get(identity.serial) if identity.serial else None


def make_qualifier(
    estimator: Estimator,
    database: str | Path,
    given: Identity = Identity(),  # noqa: B008  immutable
    at: datetime | None = None,
) -> Qualifier:
    """Return the qualifier of a model's estimates.

    Parameters
    ----------
    estimator
        Loaded model.
    database
        File or URL of the history; a file that does not exist has no verification, and neither has an
        empty text.
    given
        Identity as given by the user.
    at
        Time for which a verification must be valid; default: now.
    """
    return Qualifier(
        training=estimator.card.identity,
        make_u_um=recipe_of(estimator.card).estimate.make_u_um,
        known=_read_once(database, estimator.file_sha256),
        given=given,
        at=at or datetime.now().astimezone(),
    )


def _read_once(database: str | Path, model_sha256: str) -> Known:
    read: list[Mapping[str, Verification]] = []

    def known() -> Mapping[str, Verification]:
        if not read:
            read.append(_read(database, model_sha256))
        return read[0]

    return known


def _read(database: str | Path, model_sha256: str) -> Mapping[str, Verification]:
    if "://" not in str(database):
        database = Path(database)
        if not database.is_file():
            return {}
    from refp.history import VerificationLog  # needs extra "history"

    with VerificationLog.open(database, create=False) as log:
        return latest_by_serial(log.select(model_sha256=model_sha256))
