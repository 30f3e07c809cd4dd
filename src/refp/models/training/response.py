"""Correction of the response of networks by held-out tiles.

A network learns from augmented tiles, whose scale, shift and sharpness vary, and predicts tiles as they
are. All members of an ensemble therefore have nearly the same error, a smooth function of dZ, which their
mean keeps. Tiles that were held out show it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from refp.core.arrays import FloatArray
from refp.models.tiles.tiles import Split
from refp.plane.smooth import fit_smooth

TILES_A_BIN = 20
"""Tiles whose median is one value of the curve; the error of one tile scatters by some um."""
MIN_BINS, MAX_BINS = 6, 40
KNOTS = 41


@dataclass(frozen=True, slots=True)
class Response:
    """Mean error of predictions, piecewise linear in the prediction and constant beyond its ends.

    Attributes
    ----------
    at_um, error_um
        Shape ``(k,)``: predictions, rising, and the error there; empty for no correction.
    """

    at_um: FloatArray
    error_um: FloatArray

    def correct(self, predicted_um: FloatArray) -> FloatArray:
        """Return predictions without their mean error."""
        if not len(self.at_um):
            return predicted_um
        corrected: FloatArray = predicted_um - np.interp(predicted_um, self.at_um, self.error_um)
        return corrected


NO_RESPONSE = Response(np.empty(0), np.empty(0))


def fit_response(predicted_um: FloatArray, label_um: FloatArray) -> Response:
    """Fit the mean error of held-out predictions as a smooth function of the prediction.

    Parameters
    ----------
    predicted_um, label_um
        Shape ``(n,)``, finite.

    Returns
    -------
    Response
        Without knots, if there are too few tiles.
    """
    n_bins = min(len(predicted_um) // TILES_A_BIN, MAX_BINS)
    if n_bins < MIN_BINS:
        return NO_RESPONSE
    bins = np.array_split(np.argsort(predicted_um, kind="stable"), n_bins)
    at_um = np.array([np.median(predicted_um[rows]) for rows in bins])
    error_um = np.array([np.median((predicted_um - label_um)[rows]) for rows in bins])
    if len(np.unique(at_um)) < MIN_BINS:
        return NO_RESPONSE
    knots = np.linspace(at_um[0], at_um[-1], KNOTS)
    return Response(knots, fit_smooth(at_um, error_um).spline(knots))


def correct_held_out(
    held_out_um: FloatArray, label_um: FloatArray, splits: tuple[Split, ...]
) -> FloatArray:
    """Correct the held-out predictions of each split by those of the others.

    Parameters
    ----------
    held_out_um
        Shape ``(members, n)``; NaN where a member has no prediction.
    label_um
        Shape ``(n,)``.
    splits
        The splits; each row is held out by one.
    """
    corrected = held_out_um.copy()
    for split in splits:
        others = np.ones(len(label_um), dtype=np.bool_)
        others[split.held_out] = False
        response = fit_response(*known_pairs(held_out_um[:, others], label_um[others]))
        corrected[:, split.held_out] = response.correct(held_out_um[:, split.held_out])
    return corrected


def known_pairs(held_out_um: FloatArray, label_um: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the predictions ``(members, n)`` that are known, and their labels, flattened."""
    known = np.isfinite(held_out_um)
    return held_out_um[known], np.broadcast_to(label_um, held_out_um.shape)[known]


class Corrector(nn.Module):
    """A :class:`Response` in a graph: sums of ramps, which every runtime has."""

    _knots: Tensor
    _bends: Tensor

    def __init__(self, response: Response) -> None:
        super().__init__()
        slopes = np.diff(response.error_um) / np.diff(response.at_um)
        self._ends = float(response.at_um[0]), float(response.at_um[-1])
        self._first = float(response.error_um[0])
        self.register_buffer("_knots", torch.tensor(response.at_um[:-1], dtype=torch.float32))
        bends = np.diff(slopes, prepend=0.0)
        self.register_buffer("_bends", torch.tensor(bends, dtype=torch.float32))

    def forward(self, predicted_um: Tensor) -> Tensor:
        """Return predictions of any shape without their mean error, um."""
        inside = predicted_um.clamp(*self._ends).unsqueeze(-1)
        ramps = torch.relu(inside - self._knots)
        return predicted_um - self._first - (ramps * self._bends).sum(-1)


def make_corrector(response: Response) -> nn.Module:
    """Return the correction as a part of a graph; the identity if there is none."""
    return Corrector(response) if len(response.at_um) else nn.Identity()
