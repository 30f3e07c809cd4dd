"""Metadata of Micro-Manager: of each page in its tag, or of each file in ``metadata.txt``."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from refp.sweeps.formats.units import number, size, whole
from refp.sweeps.header import Stated

TAG = 51123
METADATA = "metadata.txt"
SINGLE_FILES = "Micro-Manager"
"""Name of the set of files of one frame each."""
Entry = Mapping[str, Any]
_SLICE = ("SliceIndex", "Slice")
_SPLIT = re.compile(r"^(?P<set>.*_MMStack).*?(?:_[0-9]+)?(?:\.ome)?$", re.IGNORECASE)
"""Stem of the files of one acquisition, which is split by position and by size."""


def stated_by_micro_manager(path: Path, tif: Any, pages: Sequence[Any]) -> Stated:
    """Read the metadata of the pages of a TIFF that Micro-Manager wrote; nothing from other files."""
    beside = _read_metadata(path.parent / METADATA)
    entries = [_entry(page) for page in pages]
    if not all(entries):
        entry = beside.get(path.name)
        entries = [entry] if entry and len(pages) == 1 else []
    if not entries:
        return Stated()
    summary = _of_file(tif) or beside.get("", {})
    channels = [_text(entry, "Channel", "ChannelName") for entry in entries]
    named, channel_index = _channels(summary, entries, channels)
    z_um, of_stage = _z_um(entries, summary, list(beside.values()))
    return Stated(
        pixel_size_um=_first(entries, summary, "PixelSizeUm", "PixelSize_um"),
        z_um=z_um,
        of_stage=of_stage,
        exposure_ms=_exposures_ms(entries),
        field_index=tuple(_index(entry, "PositionIndex", "Position") for entry in entries),
        channel_index=channel_index,
        time_index=tuple(_index(entry, "FrameIndex", "Frame") for entry in entries),
        channels=named,
        bit_depth=int(_first(entries, summary, "BitDepth")),
        set_name=_set_name(path),
    )


def _entry(page: Any) -> Entry:
    """Return the metadata of a page; empty if it has none."""
    tag = page.tags.get(TAG)
    value = tag.value if tag is not None else None
    return value if isinstance(value, dict) else {}


def _of_file(tif: Any) -> Entry:
    """Return the summary in the header of a stack; empty if the file has none."""
    with suppress(ValueError):  # files of one frame have no such header
        summary = (tif.micromanager_metadata or {}).get("Summary")
        return summary if isinstance(summary, dict) else {}
    return {}


def _read_metadata(path: Path) -> Mapping[str, Entry]:
    try:
        status = path.stat()
    except OSError:
        return {}
    return _parse_metadata(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _parse_metadata(path: Path, _modified: int, _size: int) -> Mapping[str, Entry]:
    """Return the metadata of each image file by its name, and the summary under the empty name.

    Version 1.4 names an entry ``FrameKey-0-0-0`` and its file inside; version 2 names it
    ``Metadata-`` and the path of its file.
    """
    table = _load(path.read_text(encoding="utf-8", errors="replace"))
    entries: dict[str, Entry] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            entry = {name: one for name, one in value.items() if not isinstance(one, list | dict)}
            file = str(entry.get("FileName", "")) or key.removeprefix("Metadata-")
            is_summary = key == "Summary"
            place = (
                {}
                if is_summary
                else _coordinates(table.get(key.replace("Metadata-", "Coords-", 1)))
            )
            entries["" if is_summary else Path(file.replace("\\", "/")).name] = place | entry
    return entries


def _load(text: str) -> Mapping[str, Any]:
    """Parse JSON whose last bracket may be missing, as an acquisition that was stopped leaves it."""
    stripped = text.rstrip().rstrip(",")
    for ending in ("", "}", "}}"):
        try:
            table = json.loads(stripped + ending)
        except (ValueError, RecursionError):
            continue
        return table if isinstance(table, dict) else {}
    return {}


def _coordinates(value: object) -> dict[str, Any]:
    """Return the place of an image in the acquisition, by the names of its metadata."""
    if not isinstance(value, dict):
        return {}
    names = {"z": "Slice", "time": "Frame", "channel": "ChannelIndex", "position": "PositionIndex"}
    return {name: value[axis] for axis, name in names.items() if axis in value}


def _z_um(
    entries: Sequence[Entry], summary: Entry, of_set: Sequence[Entry]
) -> tuple[tuple[float, ...], bool]:
    """Return Z of the pages, and whether it is the stage's: else the slice times the step.

    A piezo that is not the focus drive leaves the stage position the same in every image of the set.
    """
    positions = tuple(number(entry.get("ZPositionUm")) for entry in entries)
    slices = [_index(entry, *_SLICE) for entry in entries]
    step = number(summary.get("z-step_um"))
    moved = {one.get("ZPositionUm") for one in (*entries, *of_set)} - {None}
    steps = {_index(one, *_SLICE) for one in (*entries, *of_set) if "ZPositionUm" in one}
    if (len(moved) > 1 or len(steps) == 1) and all(map(math.isfinite, positions)):
        return positions, True
    if math.isfinite(step) and step:
        return tuple(k * step for k in slices), False
    return (), False


def _exposures_ms(entries: Sequence[Entry]) -> tuple[float, ...]:
    exposures = tuple(size(entry.get("Exposure-ms")) for entry in entries)
    return exposures if any(exposures) else ()


def _channels(
    summary: Entry, entries: Sequence[Entry], names: Sequence[str]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the names of the channels and the index of each page, by number or by name."""
    listed = summary.get("ChNames")
    known = [str(name) for name in listed] if isinstance(listed, list) else []
    if all("ChannelIndex" in entry for entry in entries):
        index = tuple(_index(entry, "ChannelIndex") for entry in entries)
        for name, k in zip(names, index, strict=True):
            known += [""] * (min(k, 100) + 1 - len(known))
            if name and k < len(known):
                known[k] = name
        return tuple(known), index
    known += [name for name in dict.fromkeys(names) if name not in known]
    return tuple(known), tuple(known.index(name) for name in names)


def _first(entries: Sequence[Entry], summary: Entry, *names: str) -> float:
    """Return the first positive number of these names in the pages or the summary; 0 without."""
    values = (size(part.get(name)) for part in (*entries[:1], summary) for name in names)
    return next(filter(None, values), 0.0)


def _index(entry: Entry, *names: str) -> int:
    return next((whole(entry[name]) for name in names if name in entry), 0)


def _text(entry: Entry, *names: str) -> str:
    return next((str(entry[name]) for name in names if entry.get(name)), "")


def _set_name(path: Path) -> str:
    """Return the name of the acquisition: files of one frame each are named alike."""
    split = _SPLIT.match(path.stem)
    return split["set"] if split else SINGLE_FILES
