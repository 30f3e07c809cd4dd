"""Look up the verification and the stage of the instrument that an image states."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from refp.estimate import FocusEstimate
from refp.estimate.estimator import Estimator, recipe_of
from refp.estimate.verification import qualify, with_qualification
from refp.history.stage import Direction, StageRecord
from refp.history.verification import Verification, latest_by_serial
from refp.settings import Identity
from refp.sweeps import Frame, SingleImage, declared_identity


@dataclass(frozen=True, slots=True)
class KnownInstruments:
    """Records of the instruments of a model, by serial number.

    Attributes
    ----------
    verifications
        Last verification of the model.
    stages
        Last record of the stage.
    """

    verifications: Mapping[str, Verification] = field(default_factory=dict)
    stages: Mapping[str, StageRecord] = field(default_factory=dict)


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
    direction
        Direction of the stage as given by the user, which precedes the one that is recorded; 0 for none.
    """

    training: Identity
    make_u_um: float
    known: Callable[[], KnownInstruments]
    given: Identity = Identity()
    at: datetime = field(default_factory=lambda: datetime.now().astimezone())
    direction: Direction = 0

    def __call__(self, source: SingleImage | Frame, estimate: FocusEstimate) -> FocusEstimate:
        """Return the estimate with the state of verification; unverified ones are widened."""
        return self.apply(declared_identity(source.path), estimate)

    def apply(self, stated: Identity, estimate: FocusEstimate) -> FocusEstimate:
        """Return the estimate of an image that states an identity, as for the image."""
        identity = self.given.completed(stated)
        known = self.known() if identity.serial else KnownInstruments()
        last = known.verifications.get(identity.serial)
        state = qualify(identity, self.training, last, self.at)
        qualified = with_qualification(estimate, state, self.make_u_um)
        return replace(qualified, direction=self._direction(identity.serial, known))

    def _direction(self, serial: str, known: KnownInstruments) -> Direction:
        """Return the direction of the stage of an instrument; that of the training defines it as 1."""
        if self.direction:
            return self.direction
        stage = known.stages.get(serial)
        if stage is not None:
            return stage.direction
        return 1 if serial and serial == self.training.serial else 0


def make_qualifier(
    estimator: Estimator,
    database: str | Path,
    given: Identity = Identity(),  # noqa: B008  immutable
    at: datetime | None = None,
    *,
    direction: Direction = 0,
) -> Qualifier:
    """Return the qualifier of a model's estimates.

    Parameters
    ----------
    estimator
        Loaded model.
    database
        File or URL of the history; a file that does not exist has no records, and neither has an
        empty text.
    given
        Identity as given by the user.
    at
        Time for which a verification must be valid; default: now.
    direction
        Direction of the stage as given by the user; 0 for none.
    """
    return Qualifier(
        training=estimator.card.identity,
        make_u_um=recipe_of(estimator.card).estimate.make_u_um,
        known=_read_once(database, estimator),
        given=given,
        at=at or datetime.now().astimezone(),
        direction=direction,
    )


def _read_once(database: str | Path, estimator: Estimator) -> Callable[[], KnownInstruments]:
    read: list[KnownInstruments] = []

    def known() -> KnownInstruments:
        if not read:
            read.append(_read(database, estimator))
        return read[0]

    return known


def _read(database: str | Path, estimator: Estimator) -> KnownInstruments:
    if "://" not in str(database):
        database = Path(database)
        if not database.is_file():
            return KnownInstruments()
    from refp.history import StageLog, VerificationLog  # needs extra "history"

    with VerificationLog.open(database, create=False) as log:
        stages = log.share(StageLog).latest(estimator.card.instrument.name)
        return KnownInstruments(
            latest_by_serial(log.select(model_sha256=estimator.file_sha256)),
            {stage.serial: stage for stage in stages.values()},
        )
