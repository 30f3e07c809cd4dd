"""Identity of one instrument among those of its type, and the parts that a user changes.

It is separate from :class:`~refp.settings.Instrument`, which describes the type: two instruments of one
make have equal settings and different identities.
"""

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from refp.settings.base import Settings

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class Identity(Settings):
    """Serial number of an instrument, and the parts that a user changes; empty where not stated."""

    serial: Text = Field(default="", description="serial number of the instrument")
    objective: Text = Field(default="", description="objective in use")
    condenser: Text = Field(default="", description="setting of the condenser's aperture stop")

    def conflict(self, other: "Identity") -> str:
        """Return the first key that both state with different values; empty where there is none."""
        for key in type(self).model_fields:
            own, its = getattr(self, key), getattr(other, key)
            if own and its and own != its:
                return key
        return ""

    def completed(self, other: "Identity") -> Self:
        """Return the identity with the keys that it does not state taken from another."""
        stated = {key: value for key, value in self if value}
        return self.model_copy(update={**dict(other), **stated})


def join_identities(identities: Iterable[Identity]) -> Identity:
    """Return every key as stated by the first identity that states it."""
    joined = Identity()
    for identity in identities:
        joined = joined.completed(identity)
    return joined
