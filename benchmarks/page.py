"""Write the docs pages of the benchmark files: ``python -m benchmarks.page``.

Writes docs/accuracy.md, audit.md, microscope.md, models.md and simulator.md with their figures, and
the block between the markers in README.md.
"""

from benchmarks.pages.figures import COVERAGE, ERRORS, LEARNING, draw_figures
from benchmarks.pages.render import ROOT, load, render
from benchmarks.pages.simulator import draw_simulator_figures
from benchmarks.pages.summaries import (
    busy_cores,
    guard_rows,
    methods,
    plane_summary,
    worst_near_plane,
)
from refp.scope.guards import MAX_RESPONSE, MIN_RESPONSE

START, END = "<!-- accuracy: generated, do not edit -->", "<!-- end of accuracy -->"


def main() -> None:
    """Write the pages, their figures and the README's block."""
    draw_figures(ROOT / "docs" / "images")
    draw_simulator_figures(ROOT / "docs" / "images")
    for name, text in render_pages().items():
        (ROOT / "docs" / f"{name}.md").write_text(text, encoding="utf-8")
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(START)
    _, after = rest.split(END)
    readme.write_text(f"{before}{START}\n\n{render_block()}\n{END}{after}", encoding="utf-8")


def render_pages() -> dict[str, str]:
    """Return the text of every generated page by its name."""
    planes = load("accuracy/planes.json")["planes"]
    alone = [plane for plane in planes if not plane["pooled_from"]]
    pooled = [plane for plane in planes if plane["pooled_from"]]
    summaries = {"alone": plane_summary(alone), "pooled": plane_summary(pooled)}
    figures = {"ERRORS": ERRORS, "COVERAGE": COVERAGE, "LEARNING": LEARNING}
    return {
        "accuracy": render(
            "accuracy", alone=alone, pooled=pooled, summaries=summaries, busy_cores=busy_cores
        ),
        "models": render("models", methods=methods(), busy_cores=busy_cores, **figures),
        "microscope": render_microscope(),
        "audit": render("audit"),
        "simulator": render("simulator", worst_near_plane=worst_near_plane, busy_cores=busy_cores),
    }


def render_microscope() -> str:
    """Return the page of the refocus loop."""
    responses = {"MIN_RESPONSE": MIN_RESPONSE, "MAX_RESPONSE": MAX_RESPONSE}
    return render("microscope", guards=guard_rows(), **responses)


def render_block() -> str:
    """Return the accuracy statement of the README."""
    planes = load("accuracy/planes.json")["planes"]
    alone = [plane for plane in planes if not plane["pooled_from"]]
    return render("readme", planes=plane_summary(alone))


if __name__ == "__main__":
    main()
