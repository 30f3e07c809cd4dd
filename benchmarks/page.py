"""Write what the docs quote from the benchmark files: ``python -m benchmarks.page``.

Makes docs/accuracy.md, docs/models.md and docs/simulator.md with their figures, and the block between
the markers in README.md.
"""

from benchmarks.pages.accuracy import accuracy_page, readme_block
from benchmarks.pages.figures import draw_figures
from benchmarks.pages.models import models_page
from benchmarks.pages.simulator import draw_simulator_figures, simulator_page
from benchmarks.pages.text import ROOT

START, END = "<!-- accuracy: generated, do not edit -->", "<!-- end of accuracy -->"


def main() -> None:
    """Write the pages, their figures and the README's block."""
    draw_figures(ROOT / "docs" / "images")
    draw_simulator_figures(ROOT / "docs" / "images")
    (ROOT / "docs" / "accuracy.md").write_text(accuracy_page(), encoding="utf-8")
    (ROOT / "docs" / "models.md").write_text(models_page(), encoding="utf-8")
    (ROOT / "docs" / "simulator.md").write_text(simulator_page(), encoding="utf-8")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(START)
    _, after = rest.split(END)
    readme.write_text(f"{before}{START}\n\n{readme_block()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
