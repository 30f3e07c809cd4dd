"""Sweep and Z of every page of the files, from a manifest, file names or metadata."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from refp.core.errors import DataError
from refp.sweeps.frame import Frame, Name, SweepKey
from refp.sweeps.group import DOWN, by_sweep, check_not_falling, split_passes
from refp.sweeps.header import Header
from refp.sweeps.left_out import LeftOut
from refp.sweeps.manifest import COLUMNS, read_manifest
from refp.sweeps.name_z import name_z
from refp.sweeps.pages import check_one_channel, check_one_time
from refp.sweeps.pattern import NameFields, NamePattern, default_patterns, parse_pattern
from refp.sweeps.propose import explain_no_pattern, two_names
from refp.sweeps.readers import SUFFIXES, leave_out, read_headers
from refp.sweeps.source import Source


@dataclass(frozen=True, slots=True)
class FoundFrames:
    """Frames of a data set with the headers of their files, the files left out, and remarks."""

    frames: list[Frame]
    headers: dict[Path, Header]
    left_out: list[LeftOut]
    notes: list[str] = field(default_factory=list)


def place_frames(source: Source) -> FoundFrames:
    """Find the frames of a data set with sweep and Z of each; only headers are read.

    A manifest has precedence over a pattern. Without either, files are read by the default pattern if
    their names match it, else by their metadata: one FOV per stack or acquisition.

    Raises
    ------
    DataError
        If there is no image, no pattern is known or it matches no name, or the manifest is wrong.
    RecipeError
        If the pattern is wrong.
    """
    if source.settings.manifest:
        return _by_manifest(source)
    if source.settings.pattern:
        return _by_pattern(source, parse_pattern(source.settings.pattern))
    return _by_default(source)


def check_any_left(source: Source, frames: Sequence[Frame], left_out: Sequence[LeftOut]) -> None:
    """Check that not all files of a data set are left out.

    Raises
    ------
    DataError
        If all are; the message gives the reason for the first file.
    """
    if frames or not left_out:
        return
    first, n = left_out[0], len(left_out)
    count = f" (all {n} files are left out)" if n > 1 else ""
    raise DataError(f"{source.root}: no usable image{count}: {first.path.name}: {first.reason}")


def _by_manifest(source: Source) -> FoundFrames:
    frames = read_manifest(source.folder / source.settings.manifest, source.name)
    if source.is_file:
        frames = [frame for frame in frames if frame.path.resolve() == source.root.resolve()]
        if not frames:
            raise DataError(f"{source.root}: not in the manifest {source.settings.manifest}")
    headers, left_out = read_headers(dict.fromkeys(frame.path for frame in frames))
    readable = [frame for frame in frames if frame.path in headers]
    for frame in readable:
        n_planes = headers[frame.path].n_planes
        if frame.page >= n_planes:
            reason = f"no page {frame.page} among {n_planes}; pages are numbered from 0"
            left_out.append(LeftOut(frame.path, reason))
    colour = source.choice.colour
    kept = [
        replace(frame, colour=colour)
        for frame in readable
        if frame.page < headers[frame.path].n_planes
    ]
    return FoundFrames(kept, headers, left_out)


def _by_pattern(source: Source, pattern: NamePattern) -> FoundFrames:
    files = _files(source, pattern.depth)
    matched, left_out = _match_names(source, files, [pattern])
    if not matched:
        raise DataError(
            f"{source.root}: pattern {pattern.text!r} matches none of {len(files)} files, such as "
            f"{two_names(source.names(files))}; correct --pattern"
        )
    headers, unreadable = read_headers(matched)
    return _read_frames(source, headers, matched, [*left_out, *unreadable])


def _by_default(source: Source) -> FoundFrames:
    """Place frames without manifest and pattern."""
    files = _files(source, 0)
    headers, left_out = read_headers(files)
    if source.is_file:
        headers = _with_set(headers)
    check_any_left(source, [], left_out if not headers else [])
    by_name = [path for path, header in headers.items() if header.n_planes == 1]
    matched, unmatched = _match_names(source, list(headers), default_patterns())
    if _are_stacks(headers, single=source.is_file or len(files) == 1) or (
        by_name and not matched and any(header.stated.z_um for header in headers.values())
    ):
        return _read_frames(source, headers, _numbered(headers), left_out)
    if not matched:
        raise DataError(explain_no_pattern(source.root, source.names(files)))
    return _read_frames(source, headers, matched, [*left_out, *unmatched])


def _with_set(headers: Mapping[Path, Header]) -> dict[Path, Header]:
    """Return the headers of a file and of the other files of its set beside it."""
    names = {
        path.with_name(Path(n).name) for path, h in headers.items() for n in h.stated.set_files
    }
    others, _ = read_headers(path for path in sorted(names, key=str) if path.is_file())
    sets = {header.stated.set_name for header in headers.values()} - {""}
    return {**headers, **{p: h for p, h in others.items() if h.stated.set_name in sets}}


def _files(source: Source, depth: int) -> list[Path]:
    """Return the image files; without a pattern those of folders below, if the folder has none."""
    files = source.files(depth)
    if not files and not source.settings.pattern:
        files = source.files(1)
    if not files:
        raise DataError(
            f"{source.root}: no image in this folder; refp reads {', '.join(SUFFIXES)}, "
            "and folders below it if --pattern contains them"
        )
    return files


def _are_stacks(headers: Mapping[Path, Header], *, single: bool) -> bool:
    if single and any(header.stated.z_um for header in headers.values()):
        return True
    return all(header.n_planes > 1 for header in headers.values())


def _match_names(
    source: Source, files: Sequence[Path], patterns: Sequence[NamePattern]
) -> tuple[dict[Path, NameFields], list[LeftOut]]:
    """Fields of the files that match a pattern, and the files that match none."""
    matched: dict[Path, NameFields] = {}
    left_out = []
    for path, name in zip(files, source.names(files), strict=True):
        fields = [found for p in patterns if (found := p.match(name)) is not None]
        if fields:
            matched[path] = fields[0]
        else:
            left_out.append(LeftOut(path, f"does not match the pattern {patterns[0].text!r}"))
    return matched, left_out


def _read_frames(
    source: Source,
    headers: dict[Path, Header],
    matched: Mapping[Path, NameFields],
    left_out: list[LeftOut],
) -> FoundFrames:
    """Make the frames of the chosen pages of all readable files.

    Raises
    ------
    DataError
        If Z falls through the pages of a stack, or if the files are of several channels or time points.
    """
    frames: list[Frame] = []
    used: list[tuple[Header, int]] = []
    readable = {path: fields for path, fields in matched.items() if path in headers}
    step_um, stated = source.settings.z_step_um, bool(source.settings.pattern)
    named, notes = name_z(readable, headers, step_um, stated=stated)
    for path, fields in named.items():
        header = headers[path]
        try:
            pages = source.choice.pages(path, header)
            check_one_time(path, ((header, page) for page in pages))
            made = list(_file_frames(path, header, pages, fields, source))
        except DataError as error:
            left_out.append(leave_out(path, error))
            continue
        made, remarks = split_passes(made)
        notes += remarks
        _check_stack(made)
        frames += made
        used += [(header, page) for page in pages]
    check_one_channel(source.root, used)
    check_one_time(source.root, used)
    return FoundFrames(frames, headers, left_out, notes)


def _check_stack(pages: Sequence[Frame]) -> None:
    for sweep in by_sweep(pages).values():
        if not str(sweep[0].key.experiment).endswith(DOWN):
            check_not_falling(
                sweep,
                lambda frame: f"{frame.path}, page {frame.page}",
                "save the stack in rising Z, or list its pages in rising Z in a --manifest",
            )


def _numbered(headers: Mapping[Path, Header]) -> dict[Path, NameFields]:
    """Return the first FOV of each stack, numbered from 1; files of one set share theirs.

    Files of one page without the name of a set are one sweep.
    """
    sets: dict[str, list[Path]] = {}
    for path, header in headers.items():
        alone = "" if header.n_planes == 1 else str(path)
        sets.setdefault(header.stated.set_name or alone, []).append(path)
    fields: dict[Path, NameFields] = {}
    n = 1
    for paths in sets.values():
        fields.update((path, NameFields(fov=n)) for path in paths)
        n += max(headers[path].n_fields for path in paths)
    return {path: fields[path] for path in headers}


def _file_frames(
    path: Path, header: Header, pages: Sequence[int], fields: NameFields, source: Source
) -> Iterator[Frame]:
    z_um = _z_um(path, header, pages, fields, source.settings.z_step_um)
    for page, z in zip(pages, z_um, strict=True):
        exposure_ms = fields.get("exposure_ms", header.exposure_of(page))
        fov = _fov(fields.get("fov", 1), header, page)
        key = SweepKey(source.name, fields.get("experiment", 1), fov, exposure_ms)
        yield Frame(key, z, path, page, source.choice.colour)


def _fov(first: Name, header: Header, page: int) -> Name:
    """FOV of a page: those of one file are numbered on from its number, or have a suffix."""
    k = header.field_of(page)
    if isinstance(first, int):
        return first + k
    return f"{first}.{k + 1}" if header.n_fields > 1 else first


def _z_um(
    path: Path,
    header: Header,
    pages: Sequence[int],
    fields: NameFields,
    step_um: float | None,
) -> Sequence[float]:
    """Z of pages, from the name of the file, from the step given for a stack, or from its metadata."""
    n = header.n_planes
    if "z_um" not in fields:
        if step_um is not None and n > 1:
            return _stepped(header, pages, step_um)
        if header.stated.z_um:
            return [header.stated.z_um[page] for page in pages]
        reasons = "".join(f" ({note})" for note in header.stated.notes)
        raise DataError(
            f"{path}: holds {n} page{'s' if n > 1 else ''} and no Z{reasons}; list them in a manifest "
            f"(--manifest, columns {', '.join(COLUMNS)}), "
            "give --z-step-um, or save one file per frame and give --pattern"
        )
    if len(pages) > 1:
        raise DataError(f"{path}: holds {n} pages, its name one Z; list them with --manifest")
    return [fields["z_um"] for _ in pages]


def _stepped(header: Header, pages: Sequence[int], step_um: float) -> list[float]:
    """Return the number of each page in its field of view times a step."""
    counts: Counter[int] = Counter()
    z_um = []
    for page in pages:
        z_um.append(counts[header.field_of(page)] * step_um)
        counts[header.field_of(page)] += 1
    return z_um
