"""The look, and saving figures."""

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from refp.core.errors import OutputError
from refp.reports import exposure_colors, look, png_bytes, save_png, save_svg, svg_text
from refp.reports.style import printable


def a_figure(title: str = "a title (um)") -> Figure:
    with look():
        figure = Figure()
        figure.subplots().set_title(title)
    return figure


def luminance(color: str) -> float:
    red, green, blue = to_rgb(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colors_go_from_dark_to_light_and_not_too_light() -> None:
    colors = exposure_colors([24.0, 6.0, 12.0, 6.0, float("nan")])
    assert list(colors) == [6.0, 12.0, 24.0]
    lights = [luminance(c) for c in colors.values()]
    assert lights == sorted(lights)
    assert lights[-1] < 0.68


def test_colors_of_one_or_no_exposure() -> None:
    assert len(exposure_colors([12.0])) == 1
    assert exposure_colors([]) == {}


def test_svg_is_the_same_every_time_and_says_no_date() -> None:
    first, second = svg_text(a_figure()), svg_text(a_figure())
    assert first == second
    assert "<dc:date>" not in first
    assert "font-family" not in first  # letters are outlines


def test_png_is_no_wider_than_asked() -> None:
    content = png_bytes(a_figure(), max_width_px=300)
    assert content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20], "big") == 300


def test_the_look_leaves_no_setting_behind() -> None:
    before = dict(mpl.rcParams)
    svg_text(a_figure())
    assert dict(mpl.rcParams) == before


def test_settings_of_the_user_do_not_show() -> None:
    expected = svg_text(a_figure())
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 3}):
        assert svg_text(a_figure()) == expected


def test_pyplot_stays_out() -> None:
    code = "import sys, refp.reports; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a b c"),
        ("\N{CJK UNIFIED IDEOGRAPH-7126}\udcff\x07x", "???x"),
        ("x" * 30, "xxxxxxxx...xxxxxxxx"),
        (7, "7"),
    ],
)
def test_printable(text: object, shown: str) -> None:
    assert printable(text, 20) == shown


def test_a_dollar_sign_is_no_formula() -> None:
    svg_text(a_figure("$\\frac{$ <b> \N{GREEK SMALL LETTER MU}"))


def test_figures_are_saved_whole(tmp_path: Path) -> None:
    save_svg(a_figure(), tmp_path / "a.svg")
    save_png(a_figure(), tmp_path / "a.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "a.svg"]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file.a\.svg: not written: .*check the folder"):
        save_svg(a_figure(), tmp_path / "file" / "a.svg")
