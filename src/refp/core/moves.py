"""Rename files and folders that another program may have open."""

import os
import time
from pathlib import Path

WAITS_S = (0.05, 0.1, 0.2, 0.4, 0.8) if os.name == "nt" else ()
"""Waits between attempts, s. Windows refuses to rename a file, or a folder with a file, that another
program has open: a reader, or a virus scanner just after it was written."""


def move(source: Path, target: Path) -> None:
    """Rename a file or folder; an existing file is replaced.

    Raises
    ------
    OSError
        If it cannot be renamed; on Windows after some attempts over 1.5 s.
    """
    for wait_s in WAITS_S:
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(wait_s)
        else:
            return
    source.replace(target)
