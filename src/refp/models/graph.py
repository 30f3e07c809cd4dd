"""Run an ensemble's ONNX graph."""

import numpy as np
import onnxruntime

from refp.arrays import FloatArray
from refp.errors import ModelError
from refp.models.ensemble import BeadInputs, Predictions

INPUT = "input"


class GraphPredictor:
    """A family whose members are networks in one ONNX graph."""

    def __init__(self, graph: bytes, *, sees_pixels: bool) -> None:
        self.sees_pixels = sees_pixels
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises bare classes of its own
            raise ModelError(f"the model's graph cannot be loaded: {error}") from error

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ of every bead by every member."""
        seen: FloatArray = inputs.profile
        if self.sees_pixels:
            seen = inputs.pixels[:, None]
        mean, sd = self._session.run(None, {INPUT: np.ascontiguousarray(seen, dtype=np.float32)})
        return Predictions(mean.astype(np.float64), sd.astype(np.float64))
