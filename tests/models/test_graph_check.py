"""Graphs with other features than a network are refused without running them."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.errors import ModelError
from refp.models import load_model
from refp.models.graph_check import check_graph

onnx = pytest.importorskip("onnx", reason="graphs are made with extra 'train'")
helper = onnx.helper


def model_of(*nodes: Any, opsets: dict[str, int] | None = None, **more: Any) -> Any:
    """A model from ``input`` to ``dz_um``; its weights are one number."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes or [helper.make_node("Add", ["input", "w"], ["dz_um"])],
        "graph",
        [value("input", onnx.TensorProto.FLOAT, ["n"])],
        [value("dz_um", onnx.TensorProto.FLOAT, ["n"])],
        [helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [2.0])],
    )
    imports = [helper.make_opsetid(*item) for item in (opsets or {"": 18}).items()]
    return helper.make_model(graph, opset_imports=imports, **more)


def foreign() -> Any:
    node = helper.make_node("Shell", ["input"], ["dz_um"], domain="com.example")
    return model_of(node, opsets={"": 18, "com.example": 1})


def contributed() -> Any:
    node = helper.make_node("Gelu", ["input"], ["dz_um"], domain="com.microsoft")
    return model_of(node, opsets={"": 18, "com.microsoft": 1})


def with_external(where: str) -> Any:
    tensor = helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [2.0])
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    if where == "constant":
        node = helper.make_node("Constant", [], ["dz_um"], value=tensor)
        return model_of(node)
    model = model_of()
    model.graph.initializer[0].CopyFrom(tensor)
    return model


def looping() -> Any:
    body = model_of().graph
    return model_of(helper.make_node("Loop", ["", "", "input"], ["dz_um"], body=body))


def with_function() -> Any:
    node = helper.make_node("Relu", ["x"], ["y"])
    own = helper.make_function("", "Own", ["x"], ["y"], [node], [helper.make_opsetid("", 18)])
    return model_of(helper.make_node("Own", ["input"], ["dz_um"]), functions=[own])


def sparse() -> Any:
    model = model_of()
    model.graph.sparse_initializer.add().dims.append(3)
    return model


def test_network_is_accepted_with_its_operator_version() -> None:
    assert check_graph(model_of().SerializeToString()) == 18


@pytest.mark.parametrize(
    ("make", "feature"),
    [
        (foreign, r"the operator com\.example\.Shell"),
        (contributed, r"the operator com\.microsoft\.Gelu"),
        (lambda: with_external("initializer"), "weights in another file"),
        (lambda: with_external("constant"), "weights in another file"),
        (looping, r"control flow \(Loop\)"),
        (with_function, "functions of its own"),
        (sparse, "sparse weights"),
    ],
)
def test_other_features_are_refused(make: Callable[[], Any], feature: str) -> None:
    with pytest.raises(ModelError, match=f"the model's graph has {feature}"):
        check_graph(make().SerializeToString())


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="the model's graph"):
        check_graph(data + b"\x07")  # no message ends with half a field


@given(position=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_forged_byte_raises_at_most_a_model_error(position: float, byte: int) -> None:
    data = bytearray(model_of().SerializeToString())
    data[int(position * len(data))] = byte
    with contextlib.suppress(ModelError):
        assert check_graph(bytes(data)) >= 1


def test_trained_networks_are_accepted(profile_model: Path, tile_graph: bytes) -> None:
    assert check_graph(load_model(profile_model).graph) > 10
    assert check_graph(tile_graph) > 10
