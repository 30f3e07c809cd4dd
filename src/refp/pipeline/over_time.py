"""Estimates of a time-lapse over its time points."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from refp.core.errors import DataError, RefpError
from refp.estimate.rows import Row
from refp.reports.over_time import draw_over_time
from refp.reports.style import save_svg
from refp.sweeps import SingleImage, read_header

COLUMNS = ("delta_z_um", "lower_um", "upper_um")


def check_over_time(images: Sequence[SingleImage]) -> None:
    """Refuse a figure over time of one image.

    Raises
    ------
    DataError
        The message names the file.
    """
    if len(images) < 2:
        raise DataError(
            f"{images[0].path}: --t all -o draws a figure over time, and this is one image; leave out --t"
        )


def over_time_table(images: Sequence[SingleImage], rows: Sequence[Row]) -> pd.DataFrame:
    """Return the estimates with the file and the time point of each.

    Parameters
    ----------
    images, rows
        Images, and the row of each in the columns of ``estimates.csv``.

    Returns
    -------
    pandas.DataFrame
        Columns ``series`` (name of the file), ``t`` (time point, from 0), ``delta_z_um, lower_um,
        upper_um``. Files of one image each are the time points of one series, in their order.

    Raises
    ------
    DataError
        If there is one image only.
    """
    if len(images) < 2:
        raise DataError(
            f"{images[0].path}: one image; a figure over time needs several time points"
        )
    paths = [image.path for image in images]
    if len(set(paths)) == len(paths):
        keys = [(paths[0].parent.name, t) for t in range(len(paths))]
    else:
        headers = {path: _times(path) for path in set(paths)}
        keys = [(image.path.name, headers[image.path][image.page]) for image in images]
    values = [[row[name] for name in COLUMNS] for row in rows]
    made = [(*key, *own) for key, own in zip(keys, values, strict=True)]
    return pd.DataFrame(made, columns=["series", "t", *COLUMNS])


def save_over_time(table: pd.DataFrame, tolerance_um: float | None, path: Path, title: str) -> None:
    """Draw a table of :func:`over_time_table`, and write the figure as SVG.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    limit_um = math.nan if tolerance_um is None else tolerance_um
    save_svg(draw_over_time(table, limit_um, title), path)


def _times(path: Path) -> list[int]:
    """Return the time point of each page; where the file states none, the pages are the time points."""
    try:
        header = read_header(path)
    except RefpError:
        return [0]
    times = [header.time_of(page) for page in range(header.n_planes)]
    return times if len(set(times)) > 1 else list(range(header.n_planes))
