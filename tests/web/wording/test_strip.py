"""The strip of the page Live: positions in percent, the newest at the right."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.web.messages import Row
from refp.web.wording.strip import MARGIN_PERCENT, N_PLACES, draw_strip

Values = list[float | None]


def rows(values: Values, half_um: float = 2.0) -> list[Row]:
    """Estimates, the newest first."""
    return [
        {
            "recorded_at": "2026-03-01T08:00:00+01:00",
            "image": f"{k}.tif",
            "outcome": "refused" if dz_um is None else "ok",
            "delta_z_um": dz_um,
            "lower_um": None if dz_um is None else dz_um - half_um,
            "upper_um": None if dz_um is None else dz_um + half_um,
        }
        for k, dz_um in enumerate(values)
    ]


def test_the_newest_is_at_the_right_and_above_is_up() -> None:
    strip = draw_strip(rows([4.0, -4.0, 0.0, None]), 5.0)
    refused, middle, low, high = strip.marks
    assert [mark.x for mark in strip.marks] == [93, 95, 97, 99]
    assert refused.y > 100 - MARGIN_PERCENT > low.y > middle.y == 50 > high.y
    assert (low.top + low.bottom) / 2 == pytest.approx(low.y, abs=0.01)
    assert "4.0" in high.text
    assert high.text.endswith("0.tif")


def test_the_band_is_the_tolerance() -> None:
    strip = draw_strip(rows([5.0, -5.0]), 5.0)
    top, height = strip.band
    assert (top, top + height) == (strip.marks[1].y, strip.marks[0].y)
    assert [label for _, label in strip.lines] == ["\N{MINUS SIGN}5 µm", "0 µm", "+5 µm"]
    assert draw_strip(rows([5.0]), None).band == (0.0, 0.0)


def test_values_beyond_the_axis_are_marked_at_its_end() -> None:
    strip = draw_strip(rows([200.0, -200.0, 1.0]), 5.0)
    assert [mark.shape for mark in strip.marks] == ["ok", "below", "above"]
    assert strip.is_clipped
    assert not draw_strip(rows([200.0, -200.0, 1.0]), None).is_clipped


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e4, 1e4)), max_size=60),
    st.one_of(st.none(), st.floats(0.01, 1000)),
)
def test_every_mark_is_inside(values: Values, tolerance_um: float | None) -> None:
    strip = draw_strip(rows(values), tolerance_um)
    assert len(strip.marks) == min(len(values), N_PLACES)
    for mark in strip.marks:
        assert 0 < mark.x < 100
        assert 0 <= mark.top <= mark.y <= mark.bottom <= 100
    assert all(0 <= y <= 100 for y, _ in strip.lines)
    known = [
        (dz, mark.y) for dz, mark in zip(reversed(values[:N_PLACES]), strip.marks, strict=True)
    ]
    heights = [y for _, y in sorted((dz, y) for dz, y in known if dz is not None)]
    assert all(a >= b for a, b in pairwise(heights))
