"""Settings and limits of a server."""

from pathlib import Path

from pydantic import Field, SecretStr

from refp.history.stage import Direction
from refp.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MEGABYTE = 1_000_000
MODELS = "models"
"""Folder of models in a server's home."""


class Limits(Settings):
    """Limits of requests, workers and stored files."""

    upload_bytes: int = Field(default=128 * MEGABYTE, gt=0, description="body of a request, bytes")
    upload_s: float = Field(default=120, gt=0, description="time to send a body, s")
    files: int = Field(default=32, gt=0, description="files of a request, and pages of a file")
    pixels: int = Field(default=40 * MEGABYTE, gt=0, description="pixels of an image when decoded")
    memory_bytes: int = Field(
        default=4000 * MEGABYTE, gt=0, description="memory of a worker beyond that at its start"
    )
    archive_bytes: int = Field(
        default=4000 * MEGABYTE, gt=0, description="body of a request with sweeps, bytes"
    )
    archive_s: float = Field(default=1800, gt=0, description="time to send sweeps, s")
    archive_files: int = Field(default=20_000, gt=0, description="files in an archive")
    unpacked_bytes: int = Field(
        default=16_000 * MEGABYTE, gt=0, description="bytes of all files in an archive"
    )
    model_bytes: int = Field(
        default=1000 * MEGABYTE, gt=0, description="body of a request with a model, bytes"
    )
    job_bytes: int = Field(
        default=16_000 * MEGABYTE, gt=0, description="memory of a job beyond that at its start"
    )
    stall_s: float = Field(default=1800, gt=0, description="time of a job without any progress, s")
    work_s: float = Field(default=60, gt=0, description="time of a worker for one file, s")
    requests: int = Field(
        default=128, gt=0, description="uploads at once; further ones get status 503"
    )
    results: int = Field(default=64, gt=0, description="estimates kept for result pages")
    kept_bytes: int = Field(
        default=4000 * MEGABYTE, gt=0, description="uploaded images kept; the oldest are removed"
    )

    def for_fields(self) -> "Limits":
        """Return the limits of a form without files."""
        return self.model_copy(update={"upload_bytes": 64_000, "files": 0})

    def for_sweeps(self) -> "Limits":
        """Return the limits of an upload of sweeps."""
        sizes = {"upload_bytes": self.archive_bytes, "upload_s": self.archive_s}
        return self.model_copy(update=sizes)

    def for_model(self) -> "Limits":
        """Return the limits of an upload of a model."""
        sizes = {"upload_bytes": self.model_bytes, "upload_s": self.archive_s, "files": 1}
        return self.model_copy(update=sizes)


class WebSettings(Settings):
    """Settings of :func:`refp.web.create_app`."""

    models: tuple[Path, ...] = Field(
        default=(), description="model files; the first is the default"
    )
    models_folder: Path | None = Field(default=None, description="folder of further model files")
    roots: tuple[Path, ...] = Field(
        default=(), description="folders that requests may name files in"
    )
    home: Path | None = Field(
        default=None,
        description="folder for uploads, planes, models and jobs; without it, uploads are removed at the "
        "end and there are no jobs",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    token: SecretStr | None = Field(
        default=None, description="token that every request has to contain"
    )
    tolerance_um: float | None = Field(default=None, gt=0, description="largest tolerated dZ, um")
    stage_direction: Direction = Field(
        default=0,
        description="1 if the focal plane rises with the Z of the stage, -1 if it falls; 0: as 'refp "
        "verify' or 'refp refocus' has found for each instrument",
    )
    workers: int = Field(default=2, gt=0, description="processes that decode and estimate")
    limits: Limits = Limits()
    history: str = Field(default="", description="database of the history; empty: no history")

    jobs: str = Field(default="", description="database of the job log; empty: no jobs")

    @property
    def local(self) -> bool:
        """Whether the server accepts connections from this machine only."""
        return self.host in LOOPBACK

    @property
    def own_models(self) -> Path | None:
        """Folder of trained and uploaded models; ``None`` without a home."""
        return self.models_folder or (self.home / MODELS if self.home is not None else None)
