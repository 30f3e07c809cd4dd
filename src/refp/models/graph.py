"""Run an ensemble's ONNX graph."""

from multiprocessing import parent_process

import numpy as np
import onnxruntime

from refp.arrays import FloatArray
from refp.errors import ModelError
from refp.models.ensemble import BeadInputs, Predictions
from refp.models.normalise import normalise_tiles
from refp.models.settings import Normalisation
from refp.parallel import default_jobs

INPUT, MEAN, SD = "input", "dz_um", "sd_um"
"""Names of the graph's tensors."""


class GraphPredictor:
    """A family whose members are networks in one ONNX graph.

    Parameters
    ----------
    graph
        The serialised graph.
    normalisation
        How tiles are normalised; ``None`` for networks that see profiles.

    Raises
    ------
    ModelError
        If the graph cannot be loaded.
    """

    def __init__(self, graph: bytes, normalisation: Normalisation | None) -> None:
        self._normalisation = normalisation
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # One of several workers has one core, and a graph that sees profiles is too small to share.
        alone = parent_process() is None and normalisation is not None
        options.intra_op_num_threads = default_jobs() if alone else 1
        # Threads that wait busily take the cores from whatever else runs: a fourfold loss was seen.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises bare classes of its own
            raise ModelError(f"the model's graph cannot be loaded: {error}") from error
        told = {tensor.name for tensor in self._session.get_outputs()}
        if [tensor.name for tensor in self._session.get_inputs()] != [INPUT] or not {
            MEAN,
            SD,
        } <= told:
            raise ModelError(
                f"the model's graph is not from {INPUT} to {MEAN} and {SD}; train again"
            )

    @property
    def sees_pixels(self) -> bool:
        """Whether the networks see tiles."""
        return self._normalisation is not None

    def seen(self, inputs: BeadInputs) -> FloatArray:
        """Return what the networks see of the beads, ``float32``, a row a bead."""
        seen: FloatArray = inputs.profile
        if self._normalisation is not None:
            seen = normalise_tiles(inputs.pixels, inputs.light, self._normalisation)[:, None]
        return np.ascontiguousarray(seen, dtype=np.float32)

    def run(self, seen: FloatArray) -> dict[str, FloatArray]:
        """Run the graph; return its outputs by name, each ``(members, n)``."""
        names = [output.name for output in self._session.get_outputs()]
        try:
            told = self._session.run(names, {INPUT: seen})
        except Exception as error:  # onnxruntime raises bare classes of its own
            raise ModelError(f"the model's graph does not take what it is for: {error}") from error
        return dict(zip(names, told, strict=True))

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ of every bead by every member."""
        told = self.run(self.seen(inputs))
        return Predictions(told[MEAN].astype(np.float64), told[SD].astype(np.float64))
