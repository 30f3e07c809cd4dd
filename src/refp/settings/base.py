"""The base of every settings class: frozen, unknown keys refused."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen settings; a key that is not known is an error, so that a typo never passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
