"""Choice of the pages of an image file, by channel and time point."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from refp.core.errors import DataError
from refp.sweeps.formats.guard import GREEN, RGB
from refp.sweeps.header import Header


@dataclass(frozen=True, slots=True)
class Choice:
    """The pages to read, and their pixel size.

    Attributes
    ----------
    channel
        Name of a channel, or its number from 0; of colour images ``red``, ``green``, ``blue`` or
        ``mean``; empty: not chosen.
    t
        Number of a time point, from 0; ``None``: all.
    pixel_size_um
        Side of a pixel, in place of the one that files state; ``None``: theirs.
    """

    channel: str = ""
    t: int | None = None
    pixel_size_um: float | None = None

    @property
    def colour(self) -> str:
        """The channel to read of a colour image."""
        name = _folded(self.channel)
        return name if name in RGB else GREEN

    def pages(self, path: Path, header: Header) -> list[int]:
        """Return the pages of a file, in order; none if it holds another channel or time point.

        Raises
        ------
        DataError
            If the file has several channels and none is chosen, or several of which none is the one
            chosen; the message names them.
        """
        pages = range(header.n_planes)
        if header.in_colour and not self._is_of_colour(header):
            problem = f"no channel {self.channel!r} of an image in colour"
            raise DataError(f"{path}: {problem}; choose {', '.join(RGB)} with --channel")
        channels = sorted({header.channel_of(page) for page in pages})
        if len(channels) == 1 and not (header.stated.channel_index and self.channel):
            chosen = channels
        else:
            chosen = [k for k in channels if self._is_chosen(k, header.stated.channels)]
        if len(channels) > 1 and not chosen:
            named = dict(enumerate(header.stated.channels))
            raise _several_channels(path, channels, named, self.channel)
        return [
            page
            for page in pages
            if header.channel_of(page) in chosen and self.t in (None, header.time_of(page))
        ]

    def _is_of_colour(self, header: Header) -> bool:
        """Return whether the channel is one of a colour image, its only channel, or not chosen."""
        of_file = self.channel == "0" or bool(header.stated.channels)
        return not self.channel or _folded(self.channel) in RGB or of_file

    def _is_chosen(self, index: int, names: tuple[str, ...]) -> bool:
        name = names[index] if index < len(names) else ""
        if not self.channel:
            return False
        if any(_folded(other) == _folded(self.channel) for other in names):
            return _folded(name) == _folded(self.channel)
        return self.channel == str(index)


ALL_PAGES = Choice()
"""No choice: every time point of a file of one channel."""


def check_one_channel(root: Path, used: Iterable[tuple[Header, int]]) -> None:
    """Check that pages of several files are of one channel.

    Raises
    ------
    DataError
        If they are of several; the message names them.
    """
    names: dict[int, str] = {}
    for header, page in used:
        k, named = header.channel_of(page), header.stated.channels
        names[k] = named[k] if k < len(named) else ""
    if len(names) > 1:
        raise _several_channels(root, sorted(names), names)


def check_one_time(root: Path, used: Iterable[tuple[Header, int]]) -> None:
    """Check that the pages of a sweep are of one time point.

    Raises
    ------
    DataError
        If they are of several; the message gives their number.
    """
    n = len({header.time_of(page) for header, page in used})
    if n > 1:
        raise DataError(f"{root}: {n} time points; choose one with --t, from 0")


def _several_channels(
    path: Path, channels: Sequence[int], named: Mapping[int, str], wrong: str = ""
) -> DataError:
    listed = ", ".join(f"{k} {named[k]!r}" if named.get(k) else str(k) for k in channels)
    problem = f"no channel {wrong!r} among " if wrong else ""
    n = len(channels)
    return DataError(f"{path}: {problem}{n} channels ({listed}); choose one with --channel")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
