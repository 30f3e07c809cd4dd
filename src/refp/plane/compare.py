"""Differences between planes: of exposures, fields, experiments, data sets and instruments.

Nominal Z alone is no criterion: two planes are compared by their difference and its uncertainty, in
which errors that they share drop out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from refp.plane.budget import UncertainNumbers, expand, pairs_of
from refp.plane.plane import Contribution
from refp.sweeps.frame import FieldKey, SweepKey


class Comparable(Protocol):
    """Attributes of a plane that a comparison reads; :class:`refp.plane.ReferencePlane` has them."""

    @property
    def key(self) -> SweepKey:
        """The sweep."""
        ...

    @property
    def refp_um(self) -> float:
        """Position of the plane, um; NaN where not determined."""
        ...

    @property
    def budget(self) -> tuple[Contribution, ...]:
        """Contributions to its uncertainty."""
        ...

    @property
    def determined(self) -> bool:
        """Whether there is a plane."""
        ...


@dataclass(frozen=True, slots=True)
class StatedPlane:
    """A plane read from a file, with the attributes of :class:`Comparable`."""

    key: SweepKey
    refp_um: float
    budget: tuple[Contribution, ...]
    determined: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One plane, or the mean of several, less another.

    Attributes
    ----------
    kind
        Kind of comparison: ``exposure``, ``fov``, ``experiment``, ``dataset`` or ``instrument``.
    within
        Name of the group that holds both, as a field of view for two exposures.
    first, second
        Names of the two.
    difference_um, u_um
        Second minus first, and its standard uncertainty.
    lower_um, upper_um
        Interval of coverage :data:`refp.plane.budget.COVERAGE`.
    n_first, n_second
        Number of planes in the mean of each.
    """

    kind: str
    within: str
    first: str
    second: str
    difference_um: float
    u_um: float
    lower_um: float
    upper_um: float
    n_first: int
    n_second: int


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of comparison: the attribute that differs, and the group that is common."""

    name: str
    group: Callable[[str, Comparable], str]
    within: Callable[[str, Comparable], str]


_KINDS = (
    _Kind("exposure", lambda _, p: _exposure_of(p), lambda _, p: _field_of(p)),
    _Kind("fov", lambda _, p: f"FOV {p.key.fov}", lambda _, p: _experiment_of(p)),
    _Kind("experiment", lambda _, p: f"exp {p.key.experiment}", lambda _, p: p.key.dataset),
    _Kind("dataset", lambda _, p: p.key.dataset, lambda instrument, _: instrument),
    _Kind("instrument", lambda instrument, _: instrument, lambda *_: ""),
)


@dataclass(frozen=True, slots=True)
class FieldPlane:
    """Reference plane of a field of view: the mean of the planes of its exposures.

    Attributes
    ----------
    key
        The field of view.
    refp_um, u_um
        Mean of the determined planes and its standard uncertainty; NaN without any.
    lower_um, upper_um
        Interval of coverage :data:`refp.plane.budget.COVERAGE`.
    n
        Number of determined planes.
    """

    key: FieldKey
    refp_um: float
    u_um: float
    lower_um: float
    upper_um: float
    n: int


def mean_by_field(planes: Sequence[Comparable]) -> list[FieldPlane]:
    """Return the unweighted mean of the planes of each field; errors that they share count once."""
    fields: dict[FieldKey, list[Comparable]] = {}
    for plane in planes:
        fields.setdefault(plane.key.field, []).append(plane)
    return [_mean_of(key, [p for p in own if p.determined]) for key, own in fields.items()]


def _mean_of(key: FieldKey, planes: Sequence[Comparable]) -> FieldPlane:
    if not planes:
        nan = float("nan")
        return FieldPlane(key, nan, nan, nan, nan, 0)
    mean = _mean([("", plane) for plane in planes], UncertainNumbers())
    value, expanded = float(mean.x), expand(mean)
    half_um = expanded.half_width_um
    return FieldPlane(key, value, expanded.u_um, value - half_um, value + half_um, len(planes))


def _mean(planes: Sequence[tuple[str, Comparable]], numbers: UncertainNumbers) -> Any:
    return sum(numbers.plane(p.refp_um, p.budget, scope) for scope, p in planes) / len(planes)


def compare_planes(results: Sequence[tuple[str, Sequence[Comparable]]]) -> list[Difference]:
    """Compare planes that differ in one attribute.

    Parameters
    ----------
    results
        Name of each instrument, and its planes.

    Returns
    -------
    list of Difference
        Every pair of up to six groups; each against the first of more than six. Planes that are not
        determined are left out; means of several planes are unweighted.
    """
    known = [
        (instrument, plane)
        for instrument, planes in results
        for plane in planes
        if plane.determined
    ]
    return [difference for kind in _KINDS for difference in _compare(kind, known)]


def _compare(kind: _Kind, known: Sequence[tuple[str, Comparable]]) -> Iterator[Difference]:
    by_common: dict[str, dict[str, list[tuple[str, Comparable]]]] = {}
    for instrument, plane in known:
        groups = by_common.setdefault(kind.within(instrument, plane), {})
        groups.setdefault(kind.group(instrument, plane), []).append((instrument, plane))
    for within, groups in by_common.items():
        for first, second in pairs_of(list(groups)):
            yield _difference(kind.name, within, (first, second), groups)


def _difference(
    kind: str,
    within: str,
    pair: tuple[str, str],
    groups: dict[str, list[tuple[str, Comparable]]],
) -> Difference:
    numbers = UncertainNumbers()
    first, second = (_mean(groups[name], numbers) for name in pair)
    difference = second - first
    expanded = expand(difference)
    value = float(difference.x)
    return Difference(
        kind=kind,
        within=within,
        first=pair[0],
        second=pair[1],
        difference_um=value,
        u_um=expanded.u_um,
        lower_um=value - expanded.half_width_um,
        upper_um=value + expanded.half_width_um,
        n_first=len(groups[pair[0]]),
        n_second=len(groups[pair[1]]),
    )


def _exposure_of(plane: Comparable) -> str:
    known = plane.key.exposure_ms
    return f"{known:g} ms" if known else "exposure not known"


def _field_of(plane: Comparable) -> str:
    return f"{_experiment_of(plane)}, FOV {plane.key.fov}"


def _experiment_of(plane: Comparable) -> str:
    return f"{plane.key.dataset}, exp {plane.key.experiment}"
