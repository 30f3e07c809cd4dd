"""Microscopes with their guards, as commands open them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from refp.core.errors import RecipeError
from refp.scope.protocols import Microscope
from refp.scope.simulated import FAULTS, SimulatedMicroscope
from refp.settings import Instrument, RefocusSettings, one_line

REQUIRED = ("lower_um", "upper_um", "largest_step_um")
"""Settings without a default on hardware."""


@dataclass(frozen=True, slots=True)
class Session:
    """A microscope and the guards of its stage.

    Attributes
    ----------
    microscope
        Camera and stage.
    settings
        Limits and guards.
    simulated
        Whether the true dZ is known.
    """

    microscope: Microscope
    settings: RefocusSettings
    simulated: bool


def open_hardware(config: Path, instrument: Instrument, guards: Mapping[str, Any]) -> Session:
    """Load the devices of a Micro-Manager configuration.

    Parameters
    ----------
    config
        Configuration file.
    instrument
        Instrument of the model, with which the pixel size is compared.
    guards
        Stated settings of :class:`refp.settings.RefocusSettings`.

    Raises
    ------
    RecipeError
        If the limits of travel or the largest step are not stated, or a setting is wrong; before any
        device is loaded.
    DataError
        If the configuration cannot be used.
    MissingExtraError
        Without pymmcore-plus.
    """
    settings = make_guards(guards)
    from refp.scope.micromanager import core_microscope, load_core

    return Session(core_microscope(load_core(config), instrument), settings, simulated=False)


def open_simulated(
    instrument: Instrument,
    guards: Mapping[str, Any],
    *,
    start_um: float = 0.0,
    seed: int = 0,
    fault: str = "none",
) -> Session:
    """Make a simulated microscope, whose own limits are those of the guards where none are stated.

    Parameters
    ----------
    instrument, guards
        As of :func:`open_hardware`.
    start_um, seed
        dZ at the start, and seed of the simulation.
    fault
        Name of a behaviour in :data:`refp.scope.FAULTS`.

    Raises
    ------
    RecipeError
        If there is no such fault, a setting is wrong, or the start is outside the limits.
    """
    if fault not in FAULTS:
        raise RecipeError(f"fault {fault!r}: choose {', '.join(FAULTS)}")
    scope = SimulatedMicroscope(instrument, start_um=start_um, seed=seed, behaviour=FAULTS[fault])
    settings = make_guards(scope.settings.model_dump() | dict(guards))
    return Session(scope.microscope, settings, simulated=True)


def make_guards(guards: Mapping[str, Any]) -> RefocusSettings:
    """Return the settings of the loop, whose limits must be stated.

    Raises
    ------
    RecipeError
        If one is missing, unknown or wrong; the message names it.
    """
    missing = [name for name in REQUIRED if name not in guards]
    if missing:
        raise RecipeError(
            f"guards: {', '.join(missing)} not stated, and no stage is moved without; add --limits-um LOW "
            "HIGH and --largest-step-um STEP, or these keys to the file of --guards"
        )
    try:
        return RefocusSettings.model_validate(guards)
    except ValidationError as error:
        raise RecipeError(one_line(error, "guards")) from error
