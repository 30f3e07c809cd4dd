"""Settings of the metadata of exported models."""

from pydantic import Field

from refp.settings.base import Settings


class PublicationSettings(Settings):
    """Authors and licence of a model."""

    authors: tuple[str, ...] = Field(
        default=(), description="authors of the model, listed in exported packages"
    )
    license: str = Field(
        default="CC-BY-4.0", description="SPDX identifier of the licence of exported packages"
    )
