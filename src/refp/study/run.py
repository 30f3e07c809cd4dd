"""Make the items of a study and write its page; finished items are reused."""

import json
import shutil
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from refp.core.errors import DataError, MissingExtraError, ModelError, RecipeError
from refp.core.files import write_csv, write_json
from refp.core.outputs import check_output
from refp.reports import save_png, save_svg
from refp.study.item import Finding, Item, Outcome, StoredPicture
from refp.study.items import ITEMS
from refp.study.page import FIGURES, TABLES, write_study_page
from refp.study.study import ITEM_CODE, KEPT, Study

PAGE_PNG_PX, FILE_PNG_PX = 1100, 1600
"""Widths of the pictures on the page and of those in files."""


def check_items(names: Collection[str]) -> list[Item]:
    """Return the items of these names; all for no names.

    Raises
    ------
    RecipeError
        If there is no such item.
    """
    known = {item.name: item for item in ITEMS}
    for name in names:
        if name not in known:
            raise RecipeError(f"--only {name}: choose of {', '.join(known)}")
    return [item for item in ITEMS if not names or item.name in names]


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds anything but a study, unless it may be replaced.

    Raises
    ------
    OutputError
        If the folder holds other files and may not be replaced.
    """
    if overwrite:
        with suppress(FileNotFoundError):
            shutil.rmtree(folder / KEPT)
    check_output(folder, overwrite=overwrite or (folder / KEPT).is_dir())


def run_study(study: Study, items: Sequence[Item]) -> list[Outcome]:
    """Make items, and write the page of all items.

    Parameters
    ----------
    study
        Data, scale and folder.
    items
        Items to make; the others are shown as an earlier run made them.

    Returns
    -------
    list of Outcome
        Outcomes of all items.
    """
    selected = {item.name for item in items}
    data = study.digest_data(list(study.layout.sets))
    outcomes: list[Outcome] = []
    try:
        for i, item in enumerate(ITEMS):
            study.execution.progress("study", i, len(ITEMS))
            outcomes.append(_outcome(study, item, data, make=item.name in selected))
        study.execution.progress("study", len(ITEMS), len(ITEMS))
    finally:
        study.close()
    write_study_page(study, list(zip(ITEMS, outcomes, strict=True)))
    return outcomes


def _outcome(study: Study, item: Item, data: str, *, make: bool) -> Outcome:
    lacking = item.missing(study.layout)
    if lacking:
        return Outcome(item.name, "missing", f"Not made: the data lack {lacking}.")
    scale = study.scale.model_dump(mode="json")
    digest = study.digest(item.name, scale, data, study.digest_assay(), code=ITEM_CODE)
    record = study.kept / "items" / f"{item.name}.json"
    known = _read(record, digest, study.folder)
    if known is not None:
        return known
    if not make:
        return Outcome(item.name, "not made", "Not made: not selected with --only.")
    try:
        outcome = _write(study, item, item.make(study))
    except (DataError, ModelError, RecipeError, MissingExtraError) as error:
        return Outcome(item.name, "failed", f"Not made: {error}.")
    write_json({"digest": digest, **asdict(outcome)}, record)
    return outcome


def _read(record: Path, digest: str, folder: Path) -> Outcome | None:
    """Return the outcome of an earlier run on the same inputs; ``None`` if it or a file is missing."""
    try:
        kept = json.loads(record.read_bytes())
        if kept.pop("digest") != digest:
            return None
        pictures = tuple(StoredPicture(**picture) for picture in kept.pop("pictures"))
        outcome = Outcome(pictures=pictures, tables=tuple(kept.pop("tables")), **kept)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    files = [folder / TABLES / f"{name}.csv" for name in outcome.tables]
    files += [folder / FIGURES / f"{p.name}.{kind}" for p in pictures for kind in ("png", "svg")]
    files += [folder / p.page_png for p in pictures]
    return outcome if all(file.is_file() for file in files) else None


def _write(study: Study, item: Item, finding: Finding) -> Outcome:
    """Write tables, read them back, and draw the figures from the tables as read."""
    for name, table in finding.tables.items():
        write_csv(table, study.folder / TABLES / f"{name}.csv")
    read = {name: pd.read_csv(study.folder / TABLES / f"{name}.csv") for name in finding.tables}
    pictures = []
    for picture in finding.draw(read):
        stem = study.folder / FIGURES / picture.name
        page_png = study.kept / "items" / f"{picture.name}.png"
        save_svg(picture.figure, stem.with_name(f"{picture.name}.svg"))
        save_png(picture.figure, stem.with_name(f"{picture.name}.png"), FILE_PNG_PX)
        save_png(picture.figure, page_png, PAGE_PNG_PX)
        pictures.append(
            StoredPicture(
                name=picture.name,
                alt=picture.alt,
                caption=picture.caption,
                width_in=float(picture.figure.get_figwidth()),
                page_png=page_png.relative_to(study.folder).as_posix(),
            )
        )
    made = tuple(finding.tables), tuple(pictures)
    return Outcome(item.name, "done", finding.summary, *made, finding.difference)
