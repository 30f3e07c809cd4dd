"""Default location of the history; needs no database library."""

import os
from pathlib import Path

from platformdirs import user_data_path

DEFAULT_FILE = "history.db"
HOME_VARIABLE = "REFP_HOME"


def default_database(home: Path | None = None) -> Path:
    """Return the default file of the history.

    Parameters
    ----------
    home
        Folder of the file; by default that of the environment variable REFP_HOME, or the system's
        folder for a user's data.
    """
    folder = home or Path(os.environ.get(HOME_VARIABLE) or user_data_path("refp"))
    return folder / DEFAULT_FILE
