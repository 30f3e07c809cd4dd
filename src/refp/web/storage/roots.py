"""Paths that requests name: under the folders that the server was started with, or refused."""

from collections.abc import Sequence
from pathlib import Path

from refp.core.errors import RefpError


class OutsideRoots(RefpError):  # noqa: N818  its name is its code
    """A path outside the folders that requests may name files in."""


def find_inside(path: str, roots: Sequence[Path]) -> Path:
    """Return a file or folder under one of the roots; links are followed before the check.

    A path that is not absolute is that of the first root where there is such a file or folder.

    Raises
    ------
    OutsideRoots
        If it lies elsewhere, whether it exists or not.
    """
    places = ((root.resolve(), (root.resolve() / path).resolve()) for root in roots)
    inside = [found for root, found in places if found.is_relative_to(root)]
    if inside:
        return next((found for found in inside if found.exists()), inside[0])
    raise OutsideRoots(f"{path}: outside the folders that the server was started with (--root)")
