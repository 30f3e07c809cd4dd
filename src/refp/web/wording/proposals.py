"""Texts of a folder whose names are not read as sweeps."""

from collections import Counter

from refp.web.job import Proposal
from refp.web.wording.options import in_web_words

MAX_SIZES = 2
"""Lengths of sweeps that are listed."""


def describe_contents(proposal: Proposal) -> list[str]:
    """Return a line for each kind of images, folder and unreadable image of a folder."""
    kinds = [f"{_images(k['n'])}, {k['suffix']}, {k['size']}" for k in proposal["kinds"]]
    folders = [
        f"folder {f['name']}: {_images(f['n'])}{', sweep.toml' * f['has_sweep_file']}"
        for f in proposal["folders"]
    ]
    more = proposal["n_folders"] - len(folders)
    left_out = [
        f"not readable: {f['name']}: {in_web_words(f['reason'])}" for f in proposal["left_out"]
    ]
    n_unread = proposal["n_left_out"] - len(left_out)
    return [
        *kinds,
        *folders,
        *([f"{more} more folders"] if more else []),
        *left_out,
        *([f"{n_unread} more that are not readable"] if n_unread else []),
    ]


def describe_reading(proposal: Proposal) -> str:
    """Return how many images the proposed pattern reads, and as which sweeps."""
    n_read = sum(proposal["n_frames"])
    sizes = Counter(proposal["n_frames"])
    sweeps = [
        f"{n} sweep{'s' * (n > 1)} of {size} frame{'s' * (size > 1)}"
        for size, n in sizes.most_common(MAX_SIZES)
    ]
    others = sum(sizes.values()) - sum(n for _, n in sizes.most_common(MAX_SIZES))
    sweeps += [f"{others} of other lengths"] if others else []
    return f"It reads {n_read} of {_images(proposal['n_names'])}: {', '.join(sweeps)}."


def _images(n: int) -> str:
    return f"{n} image{'s' * (n != 1)}"
