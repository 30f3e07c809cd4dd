"""Check an ONNX graph without running it, and refuse features that no trained network needs.

An ONNX file cannot hold machine code, but it can name operators of other registered libraries, refer to
other files for its weights, and loop without end. A trained network needs none of these. The file is
parsed as a protocol buffer, since neither torch nor onnx need be installed where a model is used.

References
----------
Protocol Buffers, "Encoding": a message is a row of fields, each a number, a wire type and a value.
ONNX, ``onnx.proto3``: the numbers of the fields.
"""

from collections.abc import Iterator

from refp.core.errors import ModelError

STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
# Field numbers of onnx.proto3, by message.
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_TRAINING, _MODEL_FUNCTION = 7, 8, 20, 25
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT = 10

Field = tuple[int, int | memoryview]
"""Number of a field, and its value: an integer, or bytes of a message, text or numbers."""


def check_graph(graph: bytes) -> int:
    """Refuse a graph that is not a network of standard operators only.

    Returns
    -------
    int
        Version of the standard set of operators.

    Raises
    ------
    ModelError
        If the bytes are not an ONNX graph, or it has operators of other domains, functions, control
        flow or weights in other files.
    """
    version = 0
    for number, value in _fields(memoryview(graph)):
        if number == _MODEL_OPSET:
            domain, version_here = _opset(_message(value))
            if domain in STANDARD_DOMAINS:
                version = version_here
        elif number == _MODEL_GRAPH:
            _check_body(_message(value))
        elif number in (_MODEL_TRAINING, _MODEL_FUNCTION):
            raise _refusal("functions of its own")
    if version < 1:
        raise ModelError("the model's graph is not an ONNX graph; train again")
    return version


def _opset(message: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for number, value in _fields(message):
        if number == _OPSET_DOMAIN:
            domain = _text(value)
        elif number == _OPSET_VERSION and isinstance(value, int):
            version = value
    return domain, version


def _check_body(graph: memoryview) -> None:
    for number, value in _fields(graph):
        if number == _GRAPH_NODE:
            _check_node(_message(value))
        elif number == _GRAPH_INITIALIZER:
            _check_tensor(_message(value))
        elif number == _GRAPH_SPARSE:
            raise _refusal("sparse weights")


def _check_node(node: memoryview) -> None:
    fields = list(_fields(node))
    kind = next((_text(value) for number, value in fields if number == _NODE_TYPE), "")
    for number, value in fields:
        if number == _NODE_DOMAIN and _text(value) not in STANDARD_DOMAINS:
            raise _refusal(f"the operator {_text(value)}.{kind}")
        if number == _NODE_ATTRIBUTE:
            _check_attribute(_message(value), kind)


def _check_attribute(attribute: memoryview, kind: str) -> None:
    for number, value in _fields(attribute):
        if number in _ATTRIBUTE_GRAPHS:
            raise _refusal(f"control flow ({kind})")
        if number in _ATTRIBUTE_SPARSE:
            raise _refusal("sparse weights")
        if number in _ATTRIBUTE_TENSORS:
            _check_tensor(_message(value))


def _check_tensor(tensor: memoryview) -> None:
    for number, value in _fields(tensor):
        if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0):
            raise _refusal("weights in another file")


def _refusal(feature: str) -> ModelError:
    return ModelError(
        f"the model's graph has {feature}, which no trained network needs; train again"
    )


def _fields(message: memoryview) -> Iterator[Field]:
    """Yield the fields of a message.

    Raises
    ------
    ModelError
        If the bytes are not a message.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(message, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise _no_graph()
        if number == 0 or at + size > len(message):
            raise _no_graph()
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Read an integer of seven bits per byte, lowest first; return it and the next position."""
    value = 0
    for k, byte in enumerate(message[at : at + _MAX_VARINT]):
        value |= (byte & 0x7F) << (7 * k)
        if byte < 0x80:
            return value, at + k + 1
    raise _no_graph()


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise _no_graph()
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8", errors="replace")


def _no_graph() -> ModelError:
    return ModelError("the model's graph is not an ONNX graph; train again")
