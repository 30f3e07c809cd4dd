"""Sweep and Z of every page of the files, from a manifest, file names or metadata."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from refp.core.errors import DataError
from refp.sweeps.frame import Frame, Name, SweepKey
from refp.sweeps.group import by_sweep, check_not_falling
from refp.sweeps.header import Header
from refp.sweeps.left_out import LeftOut
from refp.sweeps.manifest import COLUMNS, read_manifest
from refp.sweeps.pattern import DEFAULT_PATTERN, NameFields, NamePattern, parse_pattern
from refp.sweeps.readers import SUFFIXES, leave_out, read_headers
from refp.sweeps.source import Source

_DEFAULT_SUFFIXES: Final = (".tif", ".tiff", ".png")


@dataclass(frozen=True, slots=True)
class FoundFrames:
    """Frames of a data set with the headers of their files, and the files left out."""

    frames: list[Frame]
    headers: dict[Path, Header]
    left_out: list[LeftOut]


def place_frames(source: Source) -> FoundFrames:
    """Find the frames of a data set with sweep and Z of each; only headers are read.

    A manifest has precedence over a pattern. Without either, a folder that contains only stacks that
    state their Z is read as one FOV per stack, and other files by the default pattern.

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
    kept = [frame for frame in readable if frame.page < headers[frame.path].n_planes]
    return FoundFrames(kept, headers, left_out)


def _by_pattern(source: Source, pattern: NamePattern) -> FoundFrames:
    files = _files(source, pattern.depth)
    matched, left_out = _match_names(source, files, [pattern])
    if not matched:
        raise DataError(
            f"{source.root}: pattern {pattern.text!r} matches none of {len(files)} files, such as "
            f"{_two_names(source, files)}; correct --pattern"
        )
    headers, unreadable = read_headers(matched)
    return _read_frames(source, headers, matched, [*left_out, *unreadable])


def _by_default(source: Source) -> FoundFrames:
    """Place frames without manifest and pattern."""
    files = _files(source, 0)
    headers, left_out = read_headers(files)
    check_any_left(source, [], left_out if not headers else [])
    if _are_stacks(headers, single=source.is_file or len(files) == 1):
        return _read_frames(source, headers, _numbered(headers), left_out)
    patterns = [parse_pattern(DEFAULT_PATTERN.replace(".tif", s)) for s in _DEFAULT_SUFFIXES]
    matched, unmatched = _match_names(source, list(headers), patterns)
    if not matched:
        raise DataError(
            f"{source.root}: no pattern: the position of Z in the names {_two_names(source, files)} is "
            f"not known; give --pattern, such as {DEFAULT_PATTERN!r}, or --manifest"
        )
    return _read_frames(source, headers, matched, [*left_out, *unmatched])


def _files(source: Source, depth: int) -> list[Path]:
    files = source.files(depth)
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
    for path in files:
        name = path.relative_to(source.folder).as_posix()
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
    """Make the frames of all pages of all readable files.

    Raises
    ------
    DataError
        If Z falls through the pages of a stack.
    """
    frames: list[Frame] = []
    for path, fields in matched.items():
        if path in headers:
            try:
                pages = list(_file_frames(path, headers[path], fields, source.name))
            except DataError as error:
                left_out.append(leave_out(path, error))
                continue
            _check_stack(pages)
            frames += pages
    return FoundFrames(frames, headers, left_out)


def _check_stack(pages: Sequence[Frame]) -> None:
    for sweep in by_sweep(pages).values():
        check_not_falling(
            sweep,
            lambda frame: f"{frame.path}, page {frame.page}",
            "save the stack in rising Z, or list its pages in rising Z in a --manifest",
        )


def _numbered(headers: Mapping[Path, Header]) -> dict[Path, NameFields]:
    """Return the FOV of each stack, numbered from 1."""
    fields: dict[Path, NameFields] = {}
    n = 1
    for path, header in headers.items():
        fields[path] = NameFields(fov=n)
        n += header.n_fields
    return fields


def _file_frames(path: Path, header: Header, fields: NameFields, dataset: str) -> Iterator[Frame]:
    z_um = _z_um(path, header, fields)
    for page in range(header.n_planes):
        exposure_ms = fields.get("exposure_ms", header.exposure_of(page))
        fov = _fov(fields.get("fov", 1), header, page)
        key = SweepKey(dataset, fields.get("experiment", 1), fov, exposure_ms)
        yield Frame(key, z_um[page], path, page)


def _fov(first: Name, header: Header, page: int) -> Name:
    """FOV of a page: those of one file are numbered on from its number, or have a suffix."""
    k = header.field_of(page)
    if isinstance(first, int):
        return first + k
    return f"{first}.{k + 1}" if header.n_fields > 1 else first


def _z_um(path: Path, header: Header, fields: NameFields) -> Sequence[float]:
    """Z of every page, from the name of the file or from its metadata."""
    n = header.n_planes
    if "z_um" not in fields:
        if header.stated.z_um:
            return header.stated.z_um
        raise DataError(
            f"{path}: holds {n} page{'s' if n > 1 else ''} and no Z; list them in a manifest "
            f"(--manifest, columns {', '.join(COLUMNS)}), "
            "or save one file per frame and give --pattern"
        )
    if n > 1:
        raise DataError(f"{path}: holds {n} pages, its name one Z; list them with --manifest")
    return (fields["z_um"],)


def _two_names(source: Source, files: Sequence[Path]) -> str:
    names = [path.relative_to(source.folder).as_posix() for path in files[:2]]
    return " and ".join(map(repr, names))
