"""The folder of a server: uploads and results."""

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
    """Files of a server, in its home or in a temporary folder."""

    def __init__(self, settings: WebSettings) -> None:
        self._temporary = None if settings.home else TemporaryDirectory(prefix="refp-")
        self.home = Home(settings.home or Path(self._temporary.name if self._temporary else ""))
        self._images = self.home.images(settings.limits.kept_bytes)

    @property
    def folder(self) -> Path:
        """The folder of all files."""
        return self.home.folder

    @property
    def sweeps(self) -> Files:
        """Uploaded sweeps by content."""
        return self.home.sweeps()

    async def keep_images(self, files: Sequence[RequestFile]) -> list[RequestFile]:
        """Move uploaded images to the store by content; leave other files in place."""

        def keep() -> list[RequestFile]:
            return [
                replace(one, path=self._images.path(self._images.keep(one.path, one.path.suffix)))
                if one.is_image
                else one
                for one in files
            ]

        return await asyncio.to_thread(keep)

    def spool(self) -> "TemporaryDirectory[str]":
        """Return a new temporary folder for the uploads of one request."""
        folder = self.home.uploads()
        return TemporaryDirectory(prefix="refp-", dir=folder, ignore_cleanup_errors=True)

    def close(self) -> None:
        """Remove the temporary folder."""
        if self._temporary is not None:
            self._temporary.cleanup()
