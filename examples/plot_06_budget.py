"""
Uncertainty budget of a plane
=============================

Every plane has a budget after the GUM: contributions with their degrees of freedom. The figure shows the
fraction of the variance of each, and the combined standard uncertainty.
"""

import simulated

from refp.pipeline.tables import budget_table, interval_table
from refp.reports import draw_budget

planes = simulated.planes().result.planes
budget = budget_table(planes)
first = budget[(budget["fov"] == 1) & (budget["exposure_ms"] == 8)]
print(first[["source", "u_um", "dof"]].round(2).to_string(index=False))
interval = interval_table(planes).iloc[0]
print(f"95 % interval {interval['lower_um']:.1f} to {interval['upper_um']:.1f} um")

figure = draw_budget(budget, "contributions to the uncertainty of each plane")
