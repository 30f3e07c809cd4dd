"""Compiled sum over the condenser's aperture."""

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.jit import kernel
from refp.synthetic.optics.scatter import ComplexArray


def _add_intensity(
    change: FloatArray,
    scattered: ComplexArray,
    bessel: FloatArray,
    direct: ComplexArray,
    weight: FloatArray,
) -> None:
    """Add ``|direct + scattered|^2 - |direct|^2`` of one order of rotation, over all source rings.

    Parameters
    ----------
    change
        Shape ``(r, z)``, added to.
    scattered
        Shape ``(r, source, z)``, complex.
    bessel
        Shape ``(r, source)``: amplitude of the direct waves along ``r``.
    direct
        Shape ``(source, z)``, complex: phase factor of the direct waves along ``z``.
    weight
        Shape ``(source,)``: weight of each ring of the source.
    """
    n_r, n_source, n_z = scattered.shape
    for r in range(n_r):
        for s in range(n_source):
            twice, fraction = 2.0 * bessel[r, s], weight[s]
            for z in range(n_z):
                e, d = scattered[r, s, z], direct[s, z]
                interference = e.real * d.real + e.imag * d.imag
                power = e.real * e.real + e.imag * e.imag
                change[r, z] += fraction * (twice * interference + power)


add_intensity = kernel(
    np.empty((0, 0)),
    np.empty((0, 0, 0), dtype=np.complex64),
    np.empty((0, 0), dtype=np.float32),
    np.empty((2, 2), dtype=np.complex64, order="F"),
    np.empty(0),
)(_add_intensity)
