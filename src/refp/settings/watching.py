"""Settings of ``refp watch``."""

from pathlib import Path

from pydantic import Field, NonNegativeFloat, PositiveFloat, ValidationError, field_validator

from refp.core.errors import RecipeError
from refp.settings.base import Settings, one_line
from refp.settings.instrument import load_toml

WEB_SCHEMES = ("http://", "https://")


class AlertSettings(Settings):
    """Command and webhook that receive the images that fail, are refused, or show drift."""

    command: tuple[str, ...] = Field(
        default=(),
        description="program and its arguments; the causes and the path of the image follow as two more, "
        "and standard input holds a JSON object; never run by a shell",
    )
    webhook: str = Field(default="", description="address to which the same JSON object is posted")
    timeout_s: PositiveFloat = Field(
        default=10.0, description="time limit of a command or a request, s"
    )

    @field_validator("webhook")
    @classmethod
    def _check_webhook(cls, address: str) -> str:
        if address and not address.startswith(WEB_SCHEMES):
            raise ValueError(f"an address starts with {' or '.join(WEB_SCHEMES)}")
        return address


class WatchSettings(Settings):
    """When a file is whole, how changes are found, and the alerts."""

    settle_s: NonNegativeFloat = Field(
        default=0.2,
        description="time without a change of size and time of a file before it is read, s",
    )
    patience_s: PositiveFloat = Field(
        default=5.0,
        description="time without a change after which a file that cannot be read is refused, s; until "
        "then it is taken for one that is still being written",
    )
    retry_s: PositiveFloat = Field(
        default=0.2, description="first delay before a file is tried again, s; it doubles each time"
    )
    max_retry_s: PositiveFloat = Field(
        default=5.0, description="longest delay before a file is tried again, s"
    )
    scan_s: PositiveFloat = Field(
        default=5.0,
        description="interval at which the folder is listed, s, to find images of which no notification "
        "came; a large folder is listed less often",
    )
    poll_s: NonNegativeFloat = Field(
        default=0.0,
        description="interval at which the folder is listed without notifications, s; 0: notifications",
    )
    alert: AlertSettings = AlertSettings()


def load_watch_settings(path: Path | None) -> WatchSettings:
    """Load the settings of a TOML file, or the default ones.

    Raises
    ------
    RecipeError
        If the file cannot be read, or a setting is unknown or wrong.
    """
    if path is None:
        return WatchSettings()
    if not path.is_file():
        raise RecipeError(f"--settings {path}: no such file; check the path")
    try:
        return WatchSettings.model_validate(load_toml(path))
    except ValidationError as error:
        raise RecipeError(one_line(error, str(path))) from error
