"""
Width of the interval and number of beads
=========================================

More beads average noise and heights. The error of the training's plane and that of its stage remain, so
that the interval does not shrink to nothing.
"""

import matplotlib.figure
import simulated

import refp
from refp.reports import look

images = refp.list_images([simulated.test()])[::2]
numbers = (3, 4, 5, 6, 7)
half_um = []
for number in numbers:
    estimator = refp.Estimator(simulated.model(), max_beads=number)
    results = [estimator.estimate_source(image).estimate for image in images]
    widths = [(e.upper_um - e.lower_um) / 2 for e in results if e.status == "ok"]
    half_um.append(sum(widths) / len(widths))
    print(f"{number} beads: {half_um[-1]:.2f} um, {len(widths)} of {len(images)} images answered")

# %%
with look():
    figure = matplotlib.figure.Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(numbers, half_um, "o-", color="#0072b2", ms=8)
    axes.set(
        xlabel="beads per image",
        ylabel="half width of 95 % interval (um)",
        ylim=(0, 1.2 * max(half_um)),
        xticks=numbers,
    )
