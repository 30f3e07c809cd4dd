"""Check that an output may be written to a path."""

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
        Whether an existing output may be replaced: the user agrees, or it belongs to the same run.

    Raises
    ------
    OutputError
        If there is a file, or a folder that is not empty.
    """
    if not overwrite and (path.is_file() or (path.is_dir() and any(path.iterdir()))):
        raise OutputError(f"{path}: exists already; {INSTEAD}")
