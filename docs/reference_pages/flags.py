"""Flags of beads and sweeps, refusals, failures of jobs and exceptions, each with its remedy."""

import ast
import inspect
from collections.abc import Mapping
from enum import IntFlag
from itertools import pairwise
from typing import Any

from reference_pages.markdown import cell, code, page, table
from refp.core import errors, flags
from refp.core.flags import (
    BEAD_REMEDIES,
    SWEEP_REMEDIES,
    UNUSABLE_BEAD,
    UNUSABLE_SWEEP,
    BeadFlag,
    SweepFlag,
)
from refp.web.wording.jobs import REMEDIES as JOB_REMEDIES
from refp.web.wording.numbers import VERDICTS
from refp.web.wording.remedies import REMEDIES

INTRO = """
A bead gets a flag, and is reported but not used where the flag excludes it. A sweep gets a flag, and is reported without a
plane where the flag excludes it. An image is refused with a code and a sentence. A failure of a whole result is an
exception, or one line on standard error with exit code 2, that names the file, the value and the remedy.
"""
BEADS = """
Column `flags` of `beads.parquet` and of `refp inspect --beads` joins the names by `|`. Beads with a flag marked "excluded"
are not used.
"""
SWEEPS = (
    'Column `flags` of `planes.csv`. A sweep with a flag marked "no plane" has no reference plane.'
)
REFUSALS = """
Column `status` of `estimates.csv` is then `refused`, and `reason` is the code with a sentence about this image. The exit
code of `refp estimate` is 3 if every image is refused.
"""
VERDICT = "Column `verdict`, where a tolerance is given."
JOBS = "Code of a failed job of `refp serve`, on its page and in `GET /api/v1/jobs/NAME`."


def render() -> str:
    """Return the page of flags, refusals and errors."""
    verdicts = [(code(name), cell(verdict.meaning)) for name, verdict in VERDICTS.items()]
    return page(
        "Flags, refusals and errors",
        INTRO,
        "## Flags of beads",
        BEADS,
        flag_table(BeadFlag, BEAD_REMEDIES, UNUSABLE_BEAD, "excluded"),
        "## Flags of sweeps",
        SWEEPS,
        flag_table(SweepFlag, SWEEP_REMEDIES, UNUSABLE_SWEEP, "no plane"),
        "## Refusals of images",
        REFUSALS,
        table(
            ("code", "meaning", "remedy"),
            [(code(name), cell(r.meaning), cell(r.remedy)) for name, r in REMEDIES.items()],
        ),
        "## Verdicts",
        VERDICT,
        table(("verdict", "meaning"), verdicts),
        "## Failed jobs of the server",
        JOBS,
        table(
            ("code", "remedy"), [(code(name), cell(text)) for name, text in JOB_REMEDIES.items()]
        ),
        "## Exceptions",
        exception_tree(),
    )


def exception_tree() -> str:
    """Return the tree of exceptions of ``refp.core.errors``."""
    _, _, tree = inspect.cleandoc(errors.__doc__ or "").partition("::\n\n")
    tree, _, _ = tree.partition("\n\n")
    return f"```text\n{inspect.cleandoc(tree)}\n```"


def flag_table(
    kind: type[IntFlag], remedies: Mapping[Any, str], unusable: IntFlag, mark: str
) -> str:
    """Return the table of one kind of flag."""
    meanings = meanings_of(kind)
    rows = [
        (
            code(str(flag.name).lower()),
            cell(meanings[str(flag.name)]),
            mark if flag & unusable else "",
            cell(remedies[flag]),
        )
        for flag in kind
    ]
    return table(("flag", "meaning", "effect", "remedy"), rows)


def meanings_of(kind: type[IntFlag]) -> dict[str, str]:
    """Return the sentence below each member of a flag class in its source."""
    tree = ast.parse(inspect.getsource(flags))
    body = next(
        n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == kind.__name__
    )
    return {
        ast.unparse(member.targets[0]): str(ast.literal_eval(text.value))
        for member, text in pairwise(body)
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr)
    }
