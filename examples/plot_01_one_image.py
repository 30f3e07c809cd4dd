"""
From a Z sweep to dZ of one image
=================================

A sweep of beads defines the reference plane and trains a model. An image that the training did not use
then has a dZ with an interval.
"""

# %%
# The sweep defines the reference plane. ``simulated.training()`` is a folder of images with a
# ``sweep.toml``.
import simulated

import refp

recipe = refp.load_recipe()
planes = refp.define_planes([refp.open_dataset(simulated.training())], recipe)
for plane in planes.result.planes:
    print(f"{plane.key}: REFP {plane.refp_um:.1f} um, u {plane.refp_u_um:.1f} um")

# %%
# The same sweep trains the model, in a second.
estimator = refp.Estimator(refp.train_model(planes, recipe))

# %%
# An image of other beads, at an exposure that the training does not contain.
image = refp.list_images([simulated.test()])[8]
result = estimator.estimate_source(image)
estimate = result.estimate
print(
    f"{image.label}: dZ {estimate.delta_z_um:.1f} um, 95 % interval "
    f"{estimate.lower_um:.1f} to {estimate.upper_um:.1f} um, status {estimate.status}"
)

# %%
# The beads that the estimate uses, and those that it leaves out, with the letters of their flags.
from refp.core.flags import BeadFlag, describe
from refp.reports import Overlay, draw_overlay

beads = result.measured
figure = draw_overlay(
    Overlay(
        title=f"dZ {estimate.delta_z_um:.1f} um",
        image=image.read(),
        center_px=beads.profiles.center_px,
        radius_px=beads.profiles.bead_radius_px,
        usable=result.used,
        labels=[describe(BeadFlag(int(flags))) for flags in beads.beads.flags],
        numbers=range(1, len(beads.profiles) + 1),
    )
)
