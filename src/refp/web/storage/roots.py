"""Paths of requests, restricted to the roots of the server."""

from collections.abc import Sequence
from pathlib import Path

from refp.core.errors import RefpError


class OutsideRoots(RefpError):  # noqa: N818  the class name gives the code
    """A path outside the folders that requests may name files in."""


def find_inside(path: str, roots: Sequence[Path]) -> Path:
    """Return the resolved path of a file or folder under one of the roots.

    A relative path refers to the first root that has such a file or folder.

    Raises
    ------
    OutsideRoots
        If it is outside the roots, whether it exists or not.
    """
    places = ((root.resolve(), (root.resolve() / path).resolve()) for root in roots)
    inside = [found for root, found in places if found.is_relative_to(root)]
    if inside:
        return next((found for found in inside if found.exists()), inside[0])
    raise OutsideRoots(f"{path}: outside the folders of this server; copy it into one of them")
