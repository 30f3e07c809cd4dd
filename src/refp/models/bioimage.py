"""Write a model as a package of the bioimage.io model zoo (extra ``zoo``).

The package holds the ONNX graph, a test input with its output, a description of both, and the card.
It runs the networks only: detection of beads, calibration and refusal need refp.
"""

import gc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pydantic import ValidationError

from refp.core.arrays import FloatArray
from refp.core.errors import MissingExtraError, ModelError
from refp.core.files import write_bytes
from refp.models.card import BeadInputs, Ensemble, ModelCard
from refp.models.describe import describe_card, describe_input
from refp.models.graph import INPUT, GraphPredictor
from refp.models.graph_check import check_graph
from refp.models.registry import make_predictor
from refp.settings import PublicationSettings, TrainSettings, one_line

AUTHOR_NOT_STATED = "author not stated"
CITED = "Chalfoun et al. 2024, Establishing a reference focal plane using beads"
CITED_DOI = "10.1038/s41598-024-57123-w"
TEST_BEADS = 5
"""Rows of the test input, evenly over the trained range: enough to show a wrong sign or order."""
TEST_LIGHT = 100.0
"""Grey levels of the background of test tiles, well inside 8 bits."""
TENSOR_MEANING = {
    "dz_um": "dZ of each bead by each member, um; positive above the reference plane",
    "sd_um": "standard deviation that each member states, um; NaN where the family states none",
}


def export_package(
    ensemble: Ensemble, train: TrainSettings, publication: PublicationSettings, path: Path
) -> None:
    """Write a bioimage.io package, whole or not at all, tested by the validator of bioimage.io.

    Parameters
    ----------
    ensemble
        Model of a family with networks.
    train
        Settings of its training.
    publication
        Authors and licence.
    path
        The zip file.

    Raises
    ------
    ModelError
        If the family has no graph, the model uses whole images, or the validator rejects the package.
    MissingExtraError
        If extra ``zoo`` is not installed.
    OutputError
        If the file cannot be written.
    """
    if ensemble.card.family == "lookup":
        raise ModelError(
            f"model {ensemble.card.name}: family 'lookup' has no network to export; its stack is in the "
            "model file as arrays; export a model of family 'profile' or 'resnet'"
        )
    if not ensemble.stack.mean.size:
        raise ModelError(
            f"model {ensemble.card.name}: was trained on whole images, for which no test input exists; "
            "export a model of beads"
        )
    with _library(), TemporaryDirectory(prefix="refp-", ignore_cleanup_errors=True) as folder:
        package = Path(folder) / "package.zip"
        _save_and_test(ensemble, train, publication, package)
        gc.collect()  # the library leaves files open, and Windows does not remove open files
        write_bytes(package.read_bytes(), path)


def example_arrays(ensemble: Ensemble, train: TrainSettings) -> dict[str, FloatArray]:
    """Return the graph's input for typical beads and its outputs, by tensor name."""
    predictor = make_predictor(ensemble, train)
    assert isinstance(predictor, GraphPredictor)
    inputs = predictor.seen(typical_beads(ensemble))
    return {INPUT: inputs, **predictor.run(inputs)}


def typical_beads(ensemble: Ensemble) -> BeadInputs:
    """Return the pooled stack at a few dZ as profiles and tiles of beads."""
    stack, instrument = ensemble.stack, ensemble.card.instrument
    rows = np.linspace(0, len(stack.dz_um) - 1, TEST_BEADS + 2).round().astype(int)[1:-1]
    profile = stack.mean[rows]
    side = instrument.tile_side_px
    y, x = np.indices((side, side)) - side // 2
    radii = np.hypot(y, x) / instrument.bead_radius_px
    tiles = [np.interp(radii, stack.radius_radii, row) * TEST_LIGHT for row in profile]
    return BeadInputs(
        profile=profile,
        saturated=np.zeros(profile.shape, dtype=np.bool_),
        light=np.full(len(rows), TEST_LIGHT),
        black_level=np.zeros(len(rows)),
        noise=np.full(len(rows), np.nan),
        whiteness=np.full(len(rows), np.nan),
        pixels=np.array(tiles, dtype=np.float32),
        offset_px=np.zeros((len(rows), 2)),
    )


def _describe(
    ensemble: Ensemble, train: TrainSettings, publication: PublicationSettings, folder: Path
) -> Any:
    """Write the package's files into a folder and return bioimage.io's description of them."""
    from bioimageio.spec.generic.v0_3 import CiteEntry, Doi
    from bioimageio.spec.model import v0_5

    card = ensemble.card
    (folder / "graph.onnx").write_bytes(ensemble.graph)
    (folder / "card.json").write_bytes(card.model_dump_json(indent=1).encode())
    (folder / "README.md").write_bytes(_readme(card).encode())
    tensors = example_arrays(ensemble, train)
    for name, array in tensors.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    input_name, *output_names = tensors
    onnx = v0_5.OnnxWeightsDescr(
        source=folder / "graph.onnx", opset_version=check_graph(ensemble.graph)
    )
    return v0_5.ModelDescr(
        name=f"refp {card.name}",
        description=f"dZ of a brightfield image from its reference beads. {card.conditions}"[:1024],
        authors=[v0_5.Author(name=name) for name in publication.authors or (AUTHOR_NOT_STATED,)],
        cite=[CiteEntry(text=CITED, doi=Doi(CITED_DOI))],
        license=publication.license,
        tags=["brightfield", "focus", "reference-beads", "regression", card.family],
        documentation=v0_5.FileDescr(source=folder / "README.md"),
        attachments=[v0_5.FileDescr(source=folder / "card.json")],
        inputs=[_input(v0_5, folder, input_name, tensors[input_name], card)],
        outputs=[_output(v0_5, folder, name, tensors[name]) for name in output_names],
        weights=v0_5.WeightsDescr(onnx=onnx),
        version=metadata.version("refp"),
    )


def _input(v0_5: Any, folder: Path, name: str, array: FloatArray, card: ModelCard) -> Any:
    """Describe the input: a batch axis of beads, then the axes of a tile or a profile."""
    axes = [v0_5.BatchAxis(description="beads of one image")]
    names: Sequence[str] = ("channel", "y", "x") if array.ndim == 4 else ("quantity", "ring")
    for axis, size in zip(names[1 - array.ndim :], array.shape[1:], strict=True):
        if axis == "channel":
            axes.append(v0_5.ChannelAxis(channel_names=["brightfield"][:size]))
        elif axis in ("y", "x"):
            axes.append(v0_5.SpaceInputAxis(id=axis, size=size))
        else:
            axes.append(v0_5.IndexInputAxis(id=axis, size=size))
    return v0_5.InputTensorDescr(
        id=name,
        axes=axes,
        description=describe_input(card)[:128],
        test_tensor=v0_5.FileDescr(source=folder / f"{name}.npy"),
        data=v0_5.IntervalOrRatioDataDescr(type="float32"),
    )


def _output(v0_5: Any, folder: Path, name: str, array: FloatArray) -> Any:
    members = v0_5.IndexOutputAxis(id="member", size=array.shape[0])
    return v0_5.OutputTensorDescr(
        id=name,
        axes=[members, v0_5.BatchAxis(description="beads of one image")],
        description=TENSOR_MEANING.get(name, ""),
        test_tensor=v0_5.FileDescr(source=folder / f"{name}.npy"),
        data=v0_5.IntervalOrRatioDataDescr(type="float32", unit="µm"),
    )


def _readme(card: ModelCard) -> str:
    """Return the text of README.md: input, output, validation and card."""
    known = card.calibration
    purpose = (
        "Distance of a bead of a brightfield image from the reference focal plane, um, predicted by "
        "every member of an ensemble."
    )
    use = (
        "The dZ of an image is the mean over beads without outliers, then over members. Interval and "
        "refusal need the model file and refp: this package holds only the networks."
    )
    validation = (
        f"Held out by {known.held_out}: RMS {known.rms_um:.2f} um over {known.n_images} images. On "
        "labelled sweeps of your own: `refp evaluate`."
    )
    outputs = (
        f"- `{name}`, shape (members, beads): {text}" for name, text in TENSOR_MEANING.items()
    )
    lines = [
        *(f"# refp {card.name}", purpose),
        *("## Input", f"One row per bead: {describe_input(card)}.", _rings(card)),
        *("## Output", *outputs, use),
        *("## Validation", validation),
        *("## Card", *(f"- {name}: {value}" for name, value in describe_card(card))),
    ]
    return "\n\n".join(lines) + "\n"


def _rings(card: ModelCard) -> str:
    if card.family == "resnet":
        return "The bead's centre is on the named pixel of the tile; images have 8 bits."
    spacing = card.recipe.get("profile", {}).get("ring_spacing_radii", 0.1)
    return (
        f"The radius of ring k is k times {spacing:g} bead radii ({card.instrument.bead_radius_px:.2f} "
        "px). A value of 1 is the background between beads, 0 is black."
    )


def _save_and_test(
    ensemble: Ensemble, train: TrainSettings, publication: PublicationSettings, path: Path
) -> None:
    from bioimageio.core import test_model
    from bioimageio.spec import save_bioimageio_package

    try:
        description = _describe(ensemble, train, publication, path.parent)
    except ValidationError as error:
        remedy = "correct [publication] in the recipe and train again"
        raise ModelError(f"{one_line(error, ensemble.card.name)}; {remedy}") from error
    save_bioimageio_package(description, output_path=path)
    summary = test_model(path, weight_format="onnx")
    if summary.status != "passed":
        faults = [error.msg for detail in summary.details for error in detail.errors]
        raise ModelError(
            f"{ensemble.card.name}: bioimage.io's validator: {'; '.join(faults)[:500]}"
        )


@contextmanager
def _library() -> Iterator[None]:
    """Suppress log lines and warnings of the library of the zoo.

    Raises
    ------
    MissingExtraError
        If the library is not installed.
    """
    try:
        import bioimageio.core  # noqa: F401
        from loguru import logger
    except ModuleNotFoundError as error:
        raise MissingExtraError("bioimageio.core", "zoo", "refp model export") from error
    logger.disable("bioimageio")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that it leaves open
            yield
            gc.collect()
    finally:
        logger.enable("bioimageio")
