"""
Errors of a model on another sweep
==================================

A labelled sweep of other beads shows how a model performs. Here the known dZ is the true one of the
simulation; on an instrument it is nominal Z less the plane of the sweep.
"""

import simulated

import refp
from refp.reports import draw_errors
from refp.synthetic import read_truth

dataset = refp.open_dataset(simulated.test())
truth = read_truth(simulated.test())
frames = [frame for sweep in dataset.sweeps for frame in sweep.frames]
true_um = {frame: truth.frame(frame.label).delta_z_true_um for frame in frames}
evaluation = refp.evaluate_model(refp.Estimator(simulated.model()), [dataset], dz_true_um=true_um)

errors = evaluation.errors
inside = (errors["lower_um"] <= errors["delta_z_true_um"]) & (
    errors["delta_z_true_um"] <= errors["upper_um"]
)
print(f"RMS error {(errors['error_um'] ** 2).mean() ** 0.5:.2f} um")
print(f"{int(inside.sum())} of {len(errors)} intervals contain the true dZ")

figure = draw_errors(errors, 7.5, "errors with 95 % intervals; band: a tolerance of 7.5 um")
