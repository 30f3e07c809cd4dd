"""Digests in place of the drawn figures of reports, for tests that look at no figure."""

import hashlib

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text

from refp.reports import page


def sketch_figures(patched: pytest.MonkeyPatch) -> None:
    """Let reports hold digests of their figures, which differ if lines, images or words do."""
    patched.setattr(page, "svg_text", _sketch)
    patched.setattr(page, "png_bytes", lambda figure: _sketch(figure).encode())


def _sketch(figure: Figure) -> str:
    shown = hashlib.sha256()
    for line in figure.findobj(Line2D):
        shown.update(np.asarray(line.get_xydata(), dtype=float).tobytes())
    for image in figure.findobj(AxesImage):
        shown.update(np.ma.getdata(image.get_array()).tobytes())
    for text in figure.findobj(Text):
        shown.update(text.get_text().encode())
    return f"<svg><!-- {shown.hexdigest()} --></svg>"
