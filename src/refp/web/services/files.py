"""The folder of a server: what people sent, and what is made of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from refp.web.http.uploads import RequestFile
from refp.web.settings import WebSettings
from refp.web.storage.files import Files
from refp.web.storage.home import Home


class ServerFiles:
    """Files of a server, in its home or, without one, in a folder that ends with the server."""

    def __init__(self, settings: WebSettings) -> None:
        self._passing = None if settings.home else TemporaryDirectory(prefix="refp-")
        self.home = Home(settings.home or Path(self._passing.name if self._passing else ""))
        self._images = self.home.images(settings.limits.kept_bytes)

    @property
    def folder(self) -> Path:
        """The folder that everything is kept in."""
        return self.home.folder

    @property
    def sweeps(self) -> Files:
        """The sweeps that people sent, by content."""
        return self.home.sweeps()

    async def keep_images(self, files: Sequence[RequestFile]) -> list[RequestFile]:
        """Keep the images among files that were sent by their content; others stay where they are."""

        def keep() -> list[RequestFile]:
            return [
                replace(one, path=self._images.path(self._images.keep(one.path, one.path.suffix)))
                if one.is_image
                else one
                for one in files
            ]

        return await asyncio.to_thread(keep)

    def spool(self) -> "TemporaryDirectory[str]":
        """Make a folder for the uploads of one request."""
        folder = self.home.uploads()
        return TemporaryDirectory(prefix="refp-", dir=folder, ignore_cleanup_errors=True)

    def close(self) -> None:
        """Remove the folder that ends with the server."""
        if self._passing is not None:
            self._passing.cleanup()
