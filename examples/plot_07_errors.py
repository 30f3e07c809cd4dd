"""
Errors of a model on another sweep
==================================

A labelled sweep of other beads shows how a model performs. Here the label is the true dZ of the
simulation; on an instrument it is nominal Z less the plane of the sweep.
"""

import simulated

import refp
from refp.reports import draw_errors

dataset = refp.open_dataset(simulated.test())
evaluation = refp.evaluate_model(refp.Estimator(simulated.model()), [dataset])

errors = evaluation.errors
inside = (errors["lower_um"] <= errors["delta_z_true_um"]) & (
    errors["delta_z_true_um"] <= errors["upper_um"]
)
print(f"RMS error {(errors['error_um'] ** 2).mean() ** 0.5:.2f} um")
print(f"{int(inside.sum())} of {len(errors)} intervals contain the true dZ")

figure = draw_errors(errors, 7.5, "errors with 95 % intervals; band: a tolerance of 7.5 um")
