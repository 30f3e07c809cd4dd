"""Paths that requests name: under the folders that the server was started with, or refused."""

from collections.abc import Sequence
from pathlib import Path

from refp.errors import RefpError


class OutsideRoots(RefpError):  # noqa: N818  its name is its code
    """A path outside the folders that requests may name files in."""


def find_inside(path: str, roots: Sequence[Path]) -> Path:
    """Return a file or folder under one of the roots; links are followed before the check.

    Raises
    ------
    OutsideRoots
        If it lies elsewhere, whether it exists or not.
    """
    for root in (root.resolve() for root in roots):
        found = (root / path).resolve()
        if found.is_relative_to(root):
            return found
    raise OutsideRoots(f"{path}: outside the folders that the server was started with (--root)")
