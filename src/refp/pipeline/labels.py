"""Labels of the frames of data sets: true dZ of simulated ones, else nominal Z less the plane."""

import numpy as np

from refp.core.labels import Label
from refp.models.tiles import plane_of_sweeps
from refp.pipeline.planes import Planes
from refp.settings import Recipe
from refp.sweeps import DataSet, Frame
from refp.synthetic.truth import TRUTH_FILE, read_truth


def label_frames(planes: Planes, recipe: Recipe) -> dict[Frame, Label]:
    """Return the label of each frame that has one.

    A frame of a simulated data set, one with a ``truth.json`` beside its images, has its true dZ. The
    label of any other frame is its nominal Z less the plane of its sweep, if that is determined; its
    uncertainty is that of the stage's position and of the plane.

    Raises
    ------
    DataError
        If a ``truth.json`` cannot be read.
    """
    known = known_frames(planes, recipe)
    labels: dict[Frame, Label] = {}
    for measurement in planes.measurements:
        stage_um = measurement.instrument.stage.repeatability_um
        own = [frame for sweep in measurement.sweeps for frame in sweep.frames if frame in known]
        labels |= {frame: nominal_label(frame, *known[frame], stage_um) for frame in own}
        labels |= true_labels(measurement.dataset)
    return labels


def nominal_label(frame: Frame, refp_um: float, refp_u_um: float, stage_um: float) -> Label:
    """Return nominal Z less the plane, with the uncertainty of the stage's position and the plane."""
    return Label(frame.z_um - refp_um, float(np.hypot(stage_um, refp_u_um)), "nominal")


def true_labels(dataset: DataSet) -> dict[Frame, Label]:
    """Return the true dZ of the frames of a simulated data set; none of another one.

    Raises
    ------
    DataError
        If its ``truth.json`` cannot be read.
    """
    if not (dataset.root / TRUTH_FILE).is_file():
        return {}
    known = {frame.file: frame.delta_z_true_um for frame in read_truth(dataset.root).frames}
    return {
        frame: Label(known[frame.path.name], 0.0, "simulated")
        for frame in dataset.frames
        if frame.path.name in known
    }


def known_frames(planes: Planes, recipe: Recipe) -> dict[Frame, tuple[float, float]]:
    """Return the frames with a known plane, with Z and standard uncertainty of the plane, um."""
    labels = plane_of_sweeps(planes.result.planes, recipe.label)
    frames = [f for m in planes.measurements for sweep in m.sweeps for f in sweep.frames]
    return {frame: labels[frame.key] for frame in frames if frame.key in labels}
