"""The model file: one zip archive with card, pooled stack, graph and their hashes.

It holds no code: JSON, numpy arrays read without pickle, and an ONNX graph of standard operators
without control flow, with its weights. Every part is checked against its SHA-256 before it is used, and
a part that would unpack to more memory than a model needs is refused.
"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from refp.core.digests import digest_bytes
from refp.core.errors import ModelError
from refp.core.files import write_whole
from refp.models.card import FORMAT_VERSION, Ensemble, ModelCard
from refp.models.graph_check import check_graph
from refp.plane.plane import PooledStack
from refp.settings import one_line

CARD, STACK, GRAPH, HASHES = "card.json", "stack.npz", "graph.onnx", "sha256.json"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every entry, so that equal models give equal bytes."""
MAX_BYTES = {CARD: 2**24, STACK: 2**28, GRAPH: 2**31, HASHES: 2**16}
"""Largest size of each part. An ONNX graph cannot be larger; the others typically have 1 % of their
limit."""
MAX_UNPACKED, MIN_ROOM = 30, 2**24
"""Limit on the size of all parts: this multiple of the file's size, which only repetitive text
approaches, or this number of bytes, whichever is larger."""


def save_model(ensemble: Ensemble, path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises
    ------
    OutputError
        If the folder cannot be written.

    Examples
    --------
    >>> import refp
    >>> ensemble = refp.load_model("a2k.refp")
    >>> refp.save_model(ensemble, "copy.refp")
    >>> refp.load_model("copy.refp").card == ensemble.card
    True
    """
    parts = {
        CARD: ensemble.card.model_dump_json(indent=1).encode(),
        STACK: _pack_stack(ensemble.stack),
        GRAPH: ensemble.graph,
    }
    hashes = {name: digest_bytes(data) for name, data in parts.items()}
    parts[HASHES] = json.dumps(hashes, indent=1).encode()
    write_whole(Path(path), lambda part: _pack(parts, part))


def load_model(path: str | Path) -> Ensemble:
    """Load a model file.

    Raises
    ------
    ModelError
        If the file is absent, truncated, edited, not a model, or of another format version.

    Examples
    --------
    >>> import refp
    >>> ensemble = refp.load_model("a2k.refp")
    >>> ensemble.card.family
    'lookup'
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; 'refp train' makes one")
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _unpack(archive, path.stat().st_size)
        hashes = dict(json.loads(parts[HASHES]))
    except Exception as error:  # zipfile, zlib and struct raise whatever the bytes make them
        raise ModelError(
            f"{path}: not a whole model file ({error}); give a file that refp train wrote, copy it "
            "again or train again"
        ) from error
    for name in (CARD, STACK, GRAPH):
        if hashes.get(name) != digest_bytes(parts[name]):
            raise ModelError(f"{path}: {name} was changed after training; train again")
    card = _card(parts[CARD], path)
    _check_graph(card, parts[GRAPH], path)
    return Ensemble(card, _unpack_stack(parts[STACK], path), parts[GRAPH])


def _unpack(archive: zipfile.ZipFile, packed: int) -> dict[str, bytes]:
    """Return the parts; refuse a small file that unpacks to gigabytes."""
    parts: dict[str, bytes] = {}
    room = max(MAX_UNPACKED * packed, MIN_ROOM)
    for name, maximum in MAX_BYTES.items():
        limit = min(maximum, room)
        with archive.open(name) as part:
            parts[name] = part.read(limit + 1)  # the size in the archive's header may be wrong
        if len(parts[name]) > limit:
            raise ValueError(f"{name} unpacks to more than {limit / 1e6:.0f} MB")
        room -= len(parts[name])
    return parts


def _check_graph(card: ModelCard, graph: bytes, path: Path) -> None:
    if card.family == "lookup" and not graph:
        return
    try:
        check_graph(graph)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _pack(parts: dict[str, bytes], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)


def _card(data: bytes, path: Path) -> ModelCard:
    """Parse the card; check the format version first, since a newer card may have other keys."""
    version = _format_version(data, path)
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: model format {version} is newer than this refp reads ({FORMAT_VERSION}); "
            "upgrade refp: python -m pip install -U refp"
        )
    if version < FORMAT_VERSION:
        raise ModelError(
            f"{path}: model format {version} is older than this refp reads ({FORMAT_VERSION}); "
            "train again, or use the version of refp that wrote it"
        )
    try:
        return ModelCard.model_validate_json(data)
    except ValidationError as error:
        raise ModelError(one_line(error, f"{path}: {CARD}")) from error


def _format_version(data: bytes, path: Path) -> int:
    try:
        return int(json.loads(data)["format_version"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ModelError(f"{path}: {CARD} states no model format; train again") from error


def _pack_stack(stack: PooledStack) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        dz_um=stack.dz_um,
        radius_radii=stack.radius_radii,
        mean=stack.mean,
        sd=stack.sd,
    )
    return buffer.getvalue()


def _unpack_stack(data: bytes, path: Path) -> PooledStack:
    names = ("dz_um", "radius_radii", "mean", "sd")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES[STACK]:
            raise ValueError(f"unpacks to {size / 1e6:.0f} MB")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            dz_um, radius, mean, sd = (arrays[name] for name in names)
    except Exception as error:  # numpy and zipfile raise whatever the bytes make them
        raise ModelError(
            f"{path}: {STACK} is not an array file without pickle ({error}); train again"
        ) from error
    known = all(a.dtype.kind == "f" and np.isfinite(a).all() for a in (dz_um, radius, mean, sd))
    fits = mean.shape == sd.shape == (*dz_um.shape, *radius.shape) and mean.ndim == 2
    if fits and not mean.size:  # models of whole images have an empty stack
        return PooledStack(dz_um, radius, mean, sd)
    if not (known and fits and len(dz_um) > 2 and (sd > 0).all()):
        raise ModelError(f"{path}: {STACK} does not hold a stack of profiles; train again")
    return PooledStack(dz_um, radius, mean, sd)
