"""Grouping of frames to sweeps: one size and type in a data set, one frame per Z, in rising Z.

Each check refuses the whole data set, since only the user can decide which of two sizes or which of
two frames at one Z is meant, and whether the sign of a falling Z is correct.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from refp.core.errors import DataError
from refp.sweeps.frame import FieldKey, Frame, SweepKey
from refp.sweeps.header import Header
from refp.sweeps.sweep import ZSweep

DOWN = "-down"
"""Suffix of the experiment of frames that were recorded while Z fell again."""
SAME_EXPOSURE = 0.005
"""Relative difference of two measured exposures of one setting; 12.04 and 12.06 ms differ by 0.2 %."""

Describe = Callable[[Frame], str]
"""Returns the description of a frame for a message."""


def check_one_kind(root: Path, frames: Iterable[Frame], headers: Mapping[Path, Header]) -> None:
    """Check that all frames of a data set have the same size and type.

    Raises
    ------
    DataError
        If they differ; the message names one file of each of two kinds.
    """
    examples: dict[str, Path] = {}
    for frame in frames:
        examples.setdefault(headers[frame.path].kind, frame.path)
    if len(examples) > 1:
        (kind, path), (other_kind, other) = list(examples.items())[:2]
        raise DataError(
            f"{root}: images of different size or type: {_below(path, root)} is {kind}, "
            f"{_below(other, root)} is {other_kind}; move one kind to a folder of its own, or name "
            "the images of one kind with a narrower --pattern or a --manifest"
        )


def check_no_repeat(frames: Iterable[Frame], describe: Describe) -> None:
    """Check that no two frames of a sweep have the same Z.

    Raises
    ------
    DataError
        If two have; the message names both, the sweep and the Z.
    """
    seen: dict[tuple[SweepKey, float], Frame] = {}
    for frame in frames:
        first = seen.setdefault((frame.key, frame.z_um), frame)
        if first is not frame:
            raise DataError(
                f"{describe(frame)}: the same Z as {describe(first)} (sweep {frame.key}, Z "
                f"{frame.z_um:g} um); remove one of them, or distinguish them by experiment, FOV or "
                "exposure in --pattern or --manifest"
            )


def check_not_falling(frames: Sequence[Frame], describe: Describe, remedy: str) -> None:
    """Check that Z does not fall from each frame of a sweep to the next.

    Parameters
    ----------
    frames
        Frames of one sweep, in the order of rows or pages.
    describe
        Returns the description of a frame for the message.
    remedy
        Remedy in the message.

    Raises
    ------
    DataError
        If Z falls; the message names the first and the last frame and their Z.
    """
    z_um = [frame.z_um for frame in frames]
    if len(z_um) > 1 and all(after < before for before, after in pairwise(z_um)):
        raise DataError(
            f"{describe(frames[0])}: Z falls from {z_um[0]:g} um here to {z_um[-1]:g} um in "
            f"{describe(frames[-1])} (sweep {frames[0].key}): the sign of Z may be inverted, and dZ "
            f"would have the wrong sign; {remedy}"
        )


def split_passes(pages: Sequence[Frame]) -> tuple[list[Frame], list[str]]:
    """Split a stack whose Z rises and then falls into two sweeps, and return a remark on each.

    The way down becomes a sweep of its own experiment, since a stage has backlash. The frame at the top
    belongs to the way up; a stack that rises only, or turns more than once, stays as it is.
    """
    frames, notes = list(pages), []
    place = {id(frame): k for k, frame in enumerate(pages)}
    for key, sweep in by_sweep(pages).items():
        z_um = [frame.z_um for frame in sweep]
        top = z_um.index(max(z_um)) + 1
        up, down = z_um[:top], z_um[top:]
        is_turn = min(len(up), len(down)) > 1 and up == sorted(up) and down == sorted(down)[::-1]
        if is_turn and len(set(z_um)) < len(z_um):
            experiment = f"{key.experiment}{DOWN}"
            for frame in sweep[top:]:
                moved = replace(frame, key=replace(key, experiment=experiment))
                frames[place[id(frame)]] = moved
            notes.append(
                f"{sweep[0].path.name}: Z rises and then falls; the {len(down)} frames of the way down "
                f"are experiment {experiment!r}"
            )
    return frames, notes


def by_sweep(frames: Iterable[Frame]) -> dict[SweepKey, list[Frame]]:
    """Group frames by sweep, in the order given."""
    sweeps: dict[SweepKey, list[Frame]] = {}
    for frame in frames:
        sweeps.setdefault(frame.key, []).append(frame)
    return sweeps


def merge_exposures(frames: Sequence[Frame]) -> list[Frame]:
    """Give frames of nearly the same exposure one exposure, as cameras record a measured one per frame.

    Exposures of one field of view that differ by at most :data:`SAME_EXPOSURE` from their neighbour
    become the commonest of them, unless two frames would then have the same Z.
    """
    merged = list(frames)
    fields: dict[FieldKey, list[int]] = {}
    for k, frame in enumerate(frames):
        fields.setdefault(frame.key.field, []).append(k)
    for members in fields.values():
        for group in _alike(frames, members):
            exposures = Counter(frames[k].key.exposure_ms for k in group)
            if len(exposures) > 1 and len({frames[k].z_um for k in group}) == len(group):
                typical = exposures.most_common(1)[0][0]
                for k in group:
                    key = replace(frames[k].key, exposure_ms=typical)
                    merged[k] = replace(frames[k], key=key)
    return merged


def _alike(frames: Sequence[Frame], members: Sequence[int]) -> Iterator[list[int]]:
    """Yield the frames of each group of neighbouring exposures."""
    group: list[int] = []
    for k in sorted(members, key=lambda k: frames[k].key.exposure_ms):
        exposure = frames[k].key.exposure_ms
        if group and exposure > (1 + SAME_EXPOSURE) * frames[group[-1]].key.exposure_ms:
            yield group
            group = []
        group.append(k)
    yield group


def group_sweeps(frames: Iterable[Frame]) -> list[ZSweep]:
    """Group frames by sweep, in rising Z.

    Raises
    ------
    DataError
        If two frames of a sweep are at one Z.
    """
    sweeps = by_sweep(frames)
    for repeated in sweeps.values():
        check_no_repeat(repeated, _describe)
    return [ZSweep(key, tuple(sorted(sweeps[key], key=_z_um))) for key in sorted(sweeps)]


def _describe(frame: Frame) -> str:
    return f"{frame.path}, page {frame.page}" if frame.page else str(frame.path)


def _z_um(frame: Frame) -> float:
    return frame.z_um


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
