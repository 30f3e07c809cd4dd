"""
Errors of the stage
===================

A stage does not reach the Z that it was given. The profiles of the beads place every frame on the axis; its
distance from nominal Z is the stage's error. In a simulation the true error is known.
"""

import simulated

from refp.pipeline.tables import curve_table, field_table
from refp.reports import draw_stage_errors
from refp.synthetic import read_truth

planes = simulated.planes()
result = planes.result
curves = curve_table(planes.curves, result.planes, result.axes)
fields = field_table(result.axes, result.beads)
print(fields[["fov", "n_frames", "stage_sigma_um", "stage_sigma_u_um"]].to_string(index=False))
print(f"true repeatability {read_truth(simulated.training()).stage_sigma_um} um")

figure = draw_stage_errors(curves, fields, "true less nominal Z of every frame")
