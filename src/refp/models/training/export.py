"""Write trained networks as one ONNX graph."""

import io
import logging
import warnings

import torch
from torch import Tensor, nn

from refp.models.graph import INPUT, MEAN, SD


def to_onnx(net: nn.Module, example: Tensor) -> bytes:
    """Export a network that maps ``(n, ...)`` to mean and standard deviation ``(members, n)``.

    Parameters
    ----------
    net
        In evaluation mode.
    example
        An input with at least two rows; the graph accepts any number of rows.

    Returns
    -------
    bytes
        The serialised graph.
    """
    # The exporter warns about its own deprecations and about libraries that the graph does not need.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), io.BytesIO() as buffer:
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net,
            (example,),
            input_names=[INPUT],
            output_names=[MEAN, SD],
            dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        model = program.model_proto
        for node in model.graph.node:
            node.ClearField("metadata_props")  # source lines and folders of this machine
        buffer.write(model.SerializeToString())
        return buffer.getvalue()
