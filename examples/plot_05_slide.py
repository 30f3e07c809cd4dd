"""
Heights of the beads, and tilt of the slide
===========================================

Each bead has a plane of its own, at its height. A plane through the heights is the tilt of the slide; a
bead far from it is off the plane, and is left out.
"""

import simulated

from refp.pipeline.tables import bead_plane_table, field_table
from refp.reports import draw_bead_planes

result = simulated.planes().result
beads = bead_plane_table(result.beads)
fields = field_table(result.axes, result.beads)
print(f"spread of the beads' planes: {fields['spread_um'].iloc[0]:.2f} um")
print(f"{int(beads['off_plane'].sum())} of {len(beads)} beads are off the plane")

figure = draw_bead_planes(beads, fields, "own planes of the beads")
