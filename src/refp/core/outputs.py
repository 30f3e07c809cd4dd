"""Whether an output may be written to a path."""

from pathlib import Path

from refp.core.errors import OutputError

INSTEAD = "choose another output or add --overwrite"


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that exists, unless it may be replaced.

    Parameters
    ----------
    path
        File or folder to write.
    overwrite
        Whether what is there may be replaced: the user agrees, or it is of the same run.

    Raises
    ------
    OutputError
        If there is a file, or a folder with something in it.
    """
    if not overwrite and (path.is_file() or (path.is_dir() and any(path.iterdir()))):
        raise OutputError(f"{path}: exists already; {INSTEAD}")
