"""Contents of a folder whose names are not read as sweeps, and the pattern that reads them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from refp.core.errors import DataError, RefpError, UnknownInstrumentError
from refp.sweeps import DataSet, FolderSurvey, SubFolder, as_options, survey_folder
from refp.sweeps.listing import list_files
from refp.sweeps.open import open_source
from refp.sweeps.pattern import default_patterns, parse_pattern
from refp.sweeps.source import Source, find_source, names_below
from refp.sweeps.survey import DEPTH
from refp.web.job import NameReading, Proposal

N_NAMES = 3
"""Names that are shown where no pattern fits."""
MAX_LISTED = 6
"""Kinds of images, folders, and files left out that are listed of each."""
ANY_INSTRUMENT: Mapping[str, Any] = {
    "optics": {"pixel_size_um": 1.0},
    "bead": {"diameter_um": 28.0},
}
"""Sizes with which a data set opens whose instrument is not known; its sweeps do not depend on them."""
ANY_STEP_UM = 1.0
"""Distance with which Z is the number of the frame."""


class UnreadNamesError(DataError):
    """The names of the images of a folder match no known pattern.

    Attributes
    ----------
    proposal
        Contents of the folder, and the pattern that fits.
    """

    def __init__(self, message: str, proposal: Proposal) -> None:
        super().__init__(message)
        self.proposal = proposal


def propose_reading(path: Path, options: Mapping[str, Any]) -> Proposal | None:
    """Return the contents of a folder whose names are not read, and the pattern that fits them.

    Parameters
    ----------
    path
        Folder or file of a data set that does not open.
    options
        Arguments of :func:`refp.sweeps.open_dataset`.

    Returns
    -------
    Proposal or None
        ``None`` where names are not the cause: of a file, of a folder with a manifest or of files that
        state their Z, and where a name matches the pattern.
    """
    try:
        source, survey = find_source(path, as_options(**options)), survey_folder(path)
    except RefpError:
        return None
    names = _names(survey)
    if survey.states_z or source.settings.manifest or _is_any_read(source, names):
        return None
    proposal = _describe(survey, source, names)
    if survey.pattern and not survey.holds_datasets:
        _add_reading(proposal, survey, path, as_options(**options))
    return proposal


def _names(survey: FolderSurvey) -> list[str]:
    """Return the names that the pattern of a survey is for."""
    files = survey.kinds[0].files if survey.kinds else list_files(survey.root, DEPTH)
    return names_below(survey.root, files)


def _is_any_read(source: Source, names: Sequence[str]) -> bool:
    stated = source.settings.pattern
    try:
        patterns = [parse_pattern(stated)] if stated else default_patterns()
    except RefpError:
        return False
    return any(pattern.match(name) is not None for pattern in patterns for name in names)


def _describe(survey: FolderSurvey, source: Source, names: Sequence[str]) -> Proposal:
    """Return the contents of a folder, without a pattern."""
    kinds = survey.kinds[:MAX_LISTED]
    return Proposal(
        number=0,
        stated=source.settings.pattern,
        kinds=[{"n": len(k.files), "suffix": k.suffix, "size": k.size} for k in kinds],
        folders=[_describe_folder(folder) for folder in survey.folders[:MAX_LISTED]],
        n_folders=len(survey.folders),
        left_out=[{"name": f.path.name, "reason": f.reason} for f in survey.left_out[:MAX_LISTED]],
        n_left_out=len(survey.left_out),
        holds_datasets=survey.holds_datasets,
        pattern="",
        needs_step=survey.needs_step and source.settings.z_step_um is None,
        needs_instrument=False,
        problem="",
        names=list(names[:N_NAMES]),
        n_names=len(names),
        n_frames=[],
        examples=[],
    )


def _describe_folder(folder: SubFolder) -> dict[str, Any]:
    return {"n": folder.n_images, "name": folder.name, "has_sweep_file": folder.has_sweep_file}


def _add_reading(
    proposal: Proposal, survey: FolderSurvey, path: Path, options: dict[str, Any]
) -> None:
    """Add the pattern that fits, and how the data set opens with it."""
    proposal["pattern"] = survey.pattern
    given = {**options, "pattern": survey.pattern}
    if proposal["needs_step"]:
        given["z_step_um"] = ANY_STEP_UM
    try:
        dataset, is_known = _open_anyway(path, given)
    except RefpError as error:
        proposal["problem"] = _without_folder(str(error), survey.root)
        return
    proposal["needs_instrument"] = not is_known
    proposal["n_frames"] = [len(sweep.frames) for sweep in dataset.sweeps]
    proposal["examples"] = _examples(dataset, survey.root)


def _without_folder(message: str, root: Path) -> str:
    return message.removeprefix(f"{root}: ").replace(f"{root}{os.sep}", "")


def _open_anyway(path: Path, options: dict[str, Any]) -> tuple[DataSet, bool]:
    """Open a data set, and return whether its instrument is known."""
    try:
        return open_source(find_source(path, options)), True
    except UnknownInstrumentError:
        return open_source(find_source(path, {**options, **ANY_INSTRUMENT})), False


def _examples(dataset: DataSet, root: Path) -> list[NameReading]:
    """Return a low, a middle and a high frame, of different sweeps if there are several."""
    first, middle, last = (dataset.sweeps[k] for k in (0, len(dataset.sweeps) // 2, -1))
    chosen = first.frames[0], middle.frames[len(middle.frames) // 2], last.frames[-1]
    return [
        NameReading(
            name=names_below(root, [frame.path])[0],
            z_um=frame.z_um,
            exposure_ms=frame.key.exposure_ms,
            experiment=str(frame.key.experiment),
            fov=str(frame.key.fov),
        )
        for frame in dict.fromkeys(chosen)
    ]
