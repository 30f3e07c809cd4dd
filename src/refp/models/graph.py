"""Run an ensemble's ONNX graph."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing import parent_process

import numpy as np
import onnxruntime

from refp.core.arrays import FloatArray
from refp.core.errors import ModelError
from refp.core.parallel import default_jobs
from refp.models.card import BeadInputs, Predictions
from refp.models.normalise import normalise_tiles
from refp.settings import Normalisation

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
        # One of several worker processes has one core, and networks that see profiles take no time.
        alone = parent_process() is None and normalisation is not None
        self._n_cores = default_jobs() if alone else 1
        self._cores = ThreadPoolExecutor(self._n_cores)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1  # the cores share the beads instead, see run()
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises bare classes of its own
            raise ModelError(f"the model's graph cannot be loaded: {error}") from error
        given = [tensor.name for tensor in self._session.get_inputs()]
        if given != [INPUT] or not {MEAN, SD} <= {t.name for t in self._session.get_outputs()}:
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
        """Run the graph; return its outputs by name, each ``(members, n)``.

        Each core runs the whole graph on its share of the beads. Threads that share each operator
        instead wait for each other at every one: on a busy machine that took twice as long.
        """
        names = [output.name for output in self._session.get_outputs()]
        n_parts = max(1, min(len(seen), self._n_cores))

        def told(part: FloatArray) -> list[FloatArray]:
            values: list[FloatArray] = self._session.run(names, {INPUT: part})
            return values

        share = self._cores.map if n_parts > 1 else map
        try:
            parts = list(share(told, np.array_split(seen, n_parts)))
        except Exception as error:  # onnxruntime raises bare classes of its own
            raise ModelError(f"the model's graph does not take what it is for: {error}") from error
        joined = (np.concatenate(of_parts, axis=1) for of_parts in zip(*parts, strict=True))
        return dict(zip(names, joined, strict=True))

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ of every bead by every member."""
        told = self.run(self.seen(inputs))
        return Predictions(told[MEAN].astype(np.float64), told[SD].astype(np.float64))
