"""
The physical limit of dZ
========================

Photons set a limit to any method: the Cramer-Rao bound of dZ from one bead, for the optics and camera of an
instrument. It is largest where the image of a bead changes slowest with Z.
"""

import matplotlib.figure
import numpy as np

from refp.reports import exposure_colors, look
from refp.synthetic import as_instrument, dz_bound

instrument = as_instrument("a2k")
dz_um = np.linspace(-60, 60, 13)
bounds_um = {t: dz_bound(instrument, dz_um, exposure_ms=t).sd_um for t in (6.0, 12.0, 24.0)}
for exposure_ms, bound_um in bounds_um.items():
    print(f"{exposure_ms:g} ms: {bound_um.min():.2f} to {bound_um.max():.2f} um")

# %%
colors = exposure_colors(bounds_um)
with look():
    figure = matplotlib.figure.Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for exposure_ms, bound_um in bounds_um.items():
        axes.plot(dz_um, bound_um, "o-", color=colors[exposure_ms], label=f"{exposure_ms:g} ms")
    axes.set(xlabel="dZ (um)", ylabel="least standard deviation (um)", ylim=(0, None))
    axes.legend()
