"""Run an ensemble's ONNX graph."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing import parent_process

import numpy as np
import onnxruntime

from refp.core.arrays import FloatArray
from refp.core.errors import ModelError
from refp.core.parallel import default_jobs
from refp.models.card import BeadInputs, Predictions
from refp.models.normalise import TilePreparation, prepare_tiles

INPUT, MEAN, SD = "input", "dz_um", "sd_um"
"""Names of the graph's tensors."""


class GraphPredictor:
    """Predictor with all members in one ONNX graph.

    Parameters
    ----------
    graph
        The serialised graph.
    preparation
        Preparation of the tiles; ``None`` for networks whose input is profiles.

    Raises
    ------
    ModelError
        If the graph cannot be loaded.
    """

    def __init__(self, graph: bytes, preparation: TilePreparation | None) -> None:
        self._preparation = preparation
        # A worker process has one core, and networks on profiles take negligible time.
        parallel = parent_process() is None and preparation is not None
        self._n_cores = default_jobs() if parallel else 1
        self._cores = ThreadPoolExecutor(self._n_cores)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1  # beads are distributed over the cores instead, see run()
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises bare classes of its own
            raise ModelError(f"the model's graph cannot be loaded: {error}") from error
        inputs = [tensor.name for tensor in self._session.get_inputs()]
        if inputs != [INPUT] or not {MEAN, SD} <= {t.name for t in self._session.get_outputs()}:
            raise ModelError(
                f"the model's graph does not map {INPUT} to {MEAN} and {SD}; train again"
            )

    @property
    def sees_pixels(self) -> bool:
        """Whether the networks' input is tiles."""
        return self._preparation is not None

    def seen(self, inputs: BeadInputs) -> FloatArray:
        """Return the networks' input, ``float32``, one row per bead."""
        array: FloatArray = inputs.profile
        if self._preparation is not None:
            light, black_level = inputs.light, inputs.black_level
            array = prepare_tiles(inputs.pixels, light, black_level, self._preparation)[:, None]
        return np.ascontiguousarray(array, dtype=np.float32)

    def run(self, inputs: FloatArray) -> dict[str, FloatArray]:
        """Run the graph; return its outputs by name, each ``(members, n)``.

        Each core runs the whole graph on a fraction of the beads. Threads within each operator would
        wait for each other at every one: on a busy machine that takes twice as long.
        """
        names = [output.name for output in self._session.get_outputs()]
        n_parts = max(1, min(len(inputs), self._n_cores))

        def run_part(part: FloatArray) -> list[FloatArray]:
            values: list[FloatArray] = self._session.run(names, {INPUT: part})
            return values

        map_parts = self._cores.map if n_parts > 1 else map
        try:
            parts = list(map_parts(run_part, np.array_split(inputs, n_parts)))
        except Exception as error:  # onnxruntime raises bare classes of its own
            raise ModelError(
                f"the model's graph does not accept its input: {error}; train again"
            ) from error
        joined = (np.concatenate(of_parts, axis=1) for of_parts in zip(*parts, strict=True))
        return dict(zip(names, joined, strict=True))

    def predict(self, inputs: BeadInputs) -> Predictions:
        """Predict dZ of every bead by every member."""
        outputs = self.run(self.seen(inputs))
        return Predictions(outputs[MEAN].astype(np.float64), outputs[SD].astype(np.float64))
