"""``refp study``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from refp.cli.options import SEED, AsJson, Overwrite, WorkerOptions
from refp.core.errors import RecipeError
from refp.core.parallel import Execution


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class MadeOptions:
    """Items to make."""

    init: Annotated[bool, Parameter(negative=())] = False
    "Write DATA-ROOT/study.toml for you to correct, and stop."
    only: Annotated[list[str] | None, Parameter(negative=())] = None
    "Make this item only, for example fig10; may be repeated."
    scale: Literal["quick", "full"] = "full"
    "full: the article's numbers; quick: an hour or two on two cores."
    seed: Annotated[int, SEED] = 0
    "Seed of training and draws."


def study(
    data_root: Annotated[Path, Parameter(help="Folder of data sets with the names of Table 1.")],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Folder for the results.")
    ] = None,
    made: MadeOptions = MadeOptions(),
    work: WorkerOptions = WorkerOptions(),  # noqa: B008
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Repeat the article's study: every table and figure, each beside the article's result.

    Data sets are recognised by the name in their sweep.toml, else by their folder's ('a2k-training',
    'Nikon test 1'), else by DATA-ROOT/study.toml, which '--init' writes and you correct; missing data
    sets are listed. Writes study.html, tables (CSV) and figures (SVG, PNG). Planes, models and
    predictions are kept in '.study' there: given again, the command resumes and makes only items that
    changed. Items: table1, fig01a, fig01b, fig04, fig06, fig07, fig08, fig09, fig10, fig11,
    fig12, fig14, text, ours.

    Examples
    --------
    refp simulate data/ --like table1

    refp study data/ -o study/ --scale quick

    refp study archive/ --init

    refp study archive/ -o study/ --only table1 --only fig07
    """
    from refp import study as studies
    from refp.cli.console import print_message, print_rows, show_measuring

    if made.init:
        path = studies.write_map(data_root, overwrite=overwrite)
        print_message(f"wrote {path}; correct it, then: refp study {data_root} -o RESULTS")
        return
    if output is None:
        raise RecipeError("-o/--output: name a folder for the results")
    items = studies.check_items(made.only or ())
    studies.check_folder(output, overwrite=overwrite)
    layout = studies.find_sets(data_root)
    for name, reason in layout.left_out.items():
        print_message(f"left out: {name}: {reason}")
    with work.start() as workers, show_measuring() as progress:
        done = studies.run_study(
            studies.Study(
                layout,
                studies.SCALES[made.scale],
                output,
                seed=made.seed,
                execution=Execution(workers, progress),
            ),
            items,
        )
    rows = [{"item": o.item, "state": o.state, "here": o.summary} for o in done]
    print_rows(rows, as_json=as_json, title="The study", below=["here"])
    print_message(f"wrote {output / studies.PAGE}, tables and figures")
