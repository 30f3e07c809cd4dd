"""From frames to sweeps: one size and type, one frame per Z, in rising Z."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from refp.sweeps.frame import Frame, SweepKey
from refp.sweeps.header import Header
from refp.sweeps.sweep import LeftOut, ZSweep


def keep_majority(
    frames: list[Frame], headers: Mapping[Path, Header]
) -> tuple[list[Frame], list[LeftOut]]:
    """Keep the frames of the size and type that most have; where two tie, of the first frame."""
    kinds = Counter(headers[frame.path].kind for frame in frames)
    common = max(kinds, key=lambda kind: kinds[kind], default="")
    kept = [frame for frame in frames if headers[frame.path].kind == common]
    odd = dict.fromkeys(frame.path for frame in frames if headers[frame.path].kind != common)
    return kept, [LeftOut(p, f"{headers[p].kind}, most others are {common}") for p in odd]


def group_sweeps(frames: Iterable[Frame]) -> tuple[list[ZSweep], list[LeftOut]]:
    """Gather frames by sweep in rising Z; of two at one Z the first is kept."""
    sweeps: dict[SweepKey, dict[float, Frame]] = {}
    left_out = []
    for frame in frames:
        kept = sweeps.setdefault(frame.key, {}).setdefault(frame.z_um, frame)
        if kept is not frame:
            left_out.append(_twice(frame, kept))
    return [ZSweep(key, _rising(sweeps[key])) for key in sorted(sweeps)], left_out


def _rising(by_z: Mapping[float, Frame]) -> tuple[Frame, ...]:
    return tuple(by_z[z_um] for z_um in sorted(by_z))


def _twice(frame: Frame, kept: Frame) -> LeftOut:
    page = f"page {frame.page}: " if frame.page else ""
    reason = f"{page}same sweep and Z as {kept.label} ({frame.key}, Z {frame.z_um:g} um)"
    return LeftOut(frame.path, reason)
