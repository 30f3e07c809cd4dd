"""
The reference plane of a sweep
==============================

Steepest slope (SS) and centre intensity (CI) of the beads have their extrema at the reference plane. The
curves of all exposures and fields are fitted together.
"""

import simulated

from refp.pipeline.tables import curve_table, plane_table
from refp.reports import draw_feature_curves

planes = simulated.planes()
table = plane_table(planes.result.planes)
print(table[["fov", "exposure_ms", "refp_um", "refp_u_um", "n_beads"]].to_string(index=False))

# %%
# Points are the typical feature of the beads of a frame, lines the pooled profile; the vertical line is
# the plane of that feature, with its uncertainty. Z is in um.
curves = curve_table(planes.curves, planes.result.planes, planes.result.axes)
figure = draw_feature_curves(curves, table, "feature curves and pooled profile")
