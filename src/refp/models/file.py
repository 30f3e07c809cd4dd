"""The model file: one zip archive with card, pooled stack, graph and their hashes.

Nothing in it is code: JSON, numpy arrays read without pickle, and an ONNX graph of standard
operators. Every part is checked against its SHA-256 before it is used.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from refp.errors import ModelError
from refp.models.ensemble import FORMAT_VERSION, Ensemble, ModelCard
from refp.plane.plane import PooledStack
from refp.record import write_whole
from refp.sweeps.optics import one_line

CARD, STACK, GRAPH, HASHES = "card.json", "stack.npz", "graph.onnx", "sha256.json"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every entry, so that the same model is the same bytes."""


def save_model(ensemble: Ensemble, path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    parts = {
        CARD: ensemble.card.model_dump_json(indent=1).encode(),
        STACK: _pack_stack(ensemble.stack),
        GRAPH: ensemble.graph,
    }
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    parts[HASHES] = json.dumps(hashes, indent=1).encode()
    write_whole(Path(path), lambda part: _pack(parts, part))


def load_model(path: str | Path) -> Ensemble:
    """Load a model file.

    Raises
    ------
    ModelError
        If there is no such file, or it is cut, edited, not a model, or from a newer refp.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; 'refp train' makes one")
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in (CARD, STACK, GRAPH, HASHES)}
        hashes = dict(json.loads(parts[HASHES]))
    except Exception as error:  # zipfile, zlib and struct raise whatever the bytes make them
        raise ModelError(
            f"{path}: not a whole model file ({error}); copy it again or train again"
        ) from error
    for name in (CARD, STACK, GRAPH):
        if hashes.get(name) != hashlib.sha256(parts[name]).hexdigest():
            raise ModelError(f"{path}: {name} was changed after training; train again")
    return Ensemble(_card(parts[CARD], path), _unpack_stack(parts[STACK], path), parts[GRAPH])


def _pack(parts: dict[str, bytes], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)


def _card(data: bytes, path: Path) -> ModelCard:
    """Check the format's version before anything else: a newer card may have other keys."""
    version = _format_version(data, path)
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: model format {version} is newer than this refp reads ({FORMAT_VERSION}); "
            "upgrade refp: python -m pip install -U refp"
        )
    try:
        return ModelCard.model_validate_json(data)
    except ValidationError as error:
        raise ModelError(one_line(error, f"{path}: {CARD}")) from error


def _format_version(data: bytes, path: Path) -> int:
    try:
        return int(json.loads(data)["format_version"])
    except (ValueError, KeyError, TypeError) as error:
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
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return PooledStack(*(arrays[name] for name in ("dz_um", "radius_radii", "mean", "sd")))
    except Exception as error:  # numpy and zipfile raise whatever the bytes make them
        raise ModelError(
            f"{path}: {STACK} is no array file without pickle ({error}); train again"
        ) from error
