"""Figures of the gallery: every figure that a block of an example makes, in the look of the reports."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

from refp.reports import save_png

WIDTH_PX = 1100
_SAVED: set[int] = set()


def scrape(_: object, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures among a block's variables that were not saved before.

    ``refp.reports`` makes figures without pyplot, whose own scraper would not find them.
    """
    made = [
        value
        for name, value in block_vars["example_globals"].items()
        if isinstance(value, Figure) and not name.startswith("_") and id(value) not in _SAVED
    ]
    _SAVED.update(id(figure) for figure in made)
    paths = [next(block_vars["image_path_iterator"]) for _ in made]
    for figure, path in zip(made, paths, strict=True):
        save_png(figure, Path(path), WIDTH_PX)
    return figure_rst(paths, gallery_conf["src_dir"])
