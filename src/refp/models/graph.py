"""Run an ensemble's ONNX graph."""

import numpy as np
import onnxruntime

from refp.arrays import FloatArray
from refp.errors import ModelError
from refp.models.ensemble import BeadInputs, Predictions
from refp.models.normalise import normalise_tiles
from refp.models.settings import Normalisation

INPUT = "input"


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
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises bare classes of its own
            raise ModelError(f"the model's graph cannot be loaded: {error}") from error

    @property
    def sees_pixels(self) -> bool:
        """Whether the networks see tiles."""
        return self._normalisation is not None

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ of every bead by every member."""
        seen: FloatArray = inputs.profile
        if self._normalisation is not None:
            seen = normalise_tiles(inputs.pixels, inputs.light, self._normalisation)[:, None]
        mean, sd = self._session.run(None, {INPUT: np.ascontiguousarray(seen, dtype=np.float32)})
        return Predictions(mean.astype(np.float64), sd.astype(np.float64))
