"""Settings of what a model states when it is given to others."""

from pydantic import Field

from refp.settings.base import Settings


class PublicationSettings(Settings):
    """Who made a model, and on what terms it may be used."""

    authors: tuple[str, ...] = Field(
        default=(), description="who made the model, as exported packages name them"
    )
    license: str = Field(
        default="CC-BY-4.0", description="SPDX identifier of the terms of exported packages"
    )
