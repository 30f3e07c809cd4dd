"""
One bead through Z
==================

The simulator renders a bead at any distance from the focal plane, by wave optics. Below the plane and above
it the bead looks different, so that one image contains the sign of dZ.
"""

import numpy as np

from refp.reports import draw_bead_montage
from refp.synthetic import as_instrument, render_single_bead

instrument = as_instrument("a2k")
dz_um = np.linspace(-80, 80, 9)
tiles = [render_single_bead(float(dz), instrument) for dz in dz_um]
pixel_um = instrument.optics.pixel_size_um
print(f"{len(tiles)} tiles of {tiles[0].shape[0]} px, {pixel_um} um a pixel")

figure = draw_bead_montage(tiles, [float(dz) for dz in dz_um], pixel_um, "a bead of 28 um")
