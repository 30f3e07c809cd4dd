"""The services of an app."""

from refp.web.services.estimates import Estimates
from refp.web.services.files import ServerFiles
from refp.web.services.history import HistoryService
from refp.web.services.jobs import JobService
from refp.web.services.model_files import ModelFiles
from refp.web.services.results import Results
from refp.web.settings import WebSettings
from refp.web.storage.job_files import demo_folder
from refp.web.storage.models import model_files
from refp.web.workers.pools import WorkerPools


class Engine:
    """The services that routes share.

    Attributes
    ----------
    settings
        Settings of the server, with the folder of simulated sweeps as a further root.
    pools
        Pools of workers.
    files, models, estimates, results, history, jobs
        The services.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.settings = _with_demo(settings)
        self.pools = WorkerPools(settings.workers, settings.limits)
        self.files = ServerFiles(self.settings)
        self.models = ModelFiles(self.settings, self.pools)
        self.estimates = Estimates(self.settings, self.pools)
        self.results = Results(settings.limits.results)
        self.history = HistoryService(self.settings, self.pools)
        self.jobs = JobService(self.settings, self.pools, self.files.home)

    def start(self) -> None:
        """Start the queue of jobs and the workers in the background."""
        self.jobs.start()
        self.pools.start(model_files(self.settings), self.settings.history)

    async def stop(self) -> None:
        """End jobs and workers, and remove temporary uploads."""
        await self.jobs.stop()
        await self.pools.stop()
        self.files.close()


def _with_demo(settings: WebSettings) -> WebSettings:
    """Return the settings with the folder of simulated sweeps as a last root."""
    if settings.home is None:
        return settings
    return settings.model_copy(update={"roots": (*settings.roots, demo_folder(settings.home))})
