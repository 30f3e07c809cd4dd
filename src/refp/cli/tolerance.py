"""``refp tolerance``."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from refp.cli.options import AsJson, Overwrite
from refp.core.outputs import check_output

if TYPE_CHECKING:
    import pandas as pd


def tolerance(
    table: Annotated[Path, Parameter(help="CSV of an assay's results.")],
    /,
    *,
    allowed_bias: Annotated[
        float,
        Parameter(
            help="Largest allowed difference from the result at the plane, in its unit.",
            validator=Number(gt=0, lt=math.inf),
        ),
    ],
    result: Annotated[
        str, Parameter(help="Column of the result; default: the only one of numbers.")
    ] = "",
    unit: Annotated[str, Parameter(help="Unit of the result, such as %.")] = "",
    refp_um: Annotated[
        float | None, Parameter(help="Z of the reference plane, um, of a table with z_um.")
    ] = None,
    audit: Annotated[
        Path | None, Parameter(help="Output of 'refp audit', whose images are judged.")
    ] = None,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Folder for the results.")
    ] = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Determine how far out of focus an assay may be, from its results against Z.

    The table has a row per result: delta_z_um, or z_um with --refp-um, and the result, such as viability
    or a count; optionally dataset (a fit each), and field, fov, replicate, sample or well, whose levels may
    differ. The tolerance is the range of dZ about the plane in which the result differs by at most the
    allowed bias; guarded, with its uncertainty included. With --audit it counts the images of an archive
    whose results would have changed by more. Writes tolerance.csv, curve.csv and report.html.

    Examples
    --------
    refp tolerance viability.csv --allowed-bias 5 --unit % --refp-um 1503 -o tolerance/

    refp tolerance counts.csv --allowed-bias 20 --result count --audit audit/ -o tolerance/
    """
    from refp.cli.console import print_message, print_rows, print_table
    from refp.cli.shown import shown_tolerance
    from refp.core.errors import DataError
    from refp.core.files import rows_of
    from refp.pipeline.tolerance_table import (
        AllowedBias,
        changed_table,
        curve_table,
        fit_sets,
        fit_table,
        read_assay,
    )

    if output is not None:
        check_output(output, overwrite=overwrite)
    name, points = read_assay(table, result, refp_um)
    allowed = AllowedBias(name, unit, allowed_bias)
    fits, reasons = fit_sets(points, allowed, str(table))
    if not fits:
        raise DataError(next(iter(reasons.values()), f"{table}: holds no result"))
    for reason in reasons.values():
        print_message(f"left out: {reason}")
    rows = fit_table(points, fits, allowed)
    if audit is not None:
        rows = rows.merge(changed_table(fits, allowed, audit), on="dataset", how="left")
    if as_json:
        print_table(rows, as_json=True)
    else:
        shown = shown_tolerance(rows_of(rows))
        print_rows(shown, as_json=False, title=f"Focus tolerance of {name}")
    if output is not None:
        sources = {"table": str(table), "audit": str(audit or "")}
        _write(output, points, rows, curve_table(fits), sources)
        print_message(f"wrote {output / 'tolerance.csv'}, curve.csv, report.html")


def _write(
    output: Path,
    points: "pd.DataFrame",
    rows: "pd.DataFrame",
    curves: "pd.DataFrame",
    sources: dict[str, str],
) -> None:
    """Write both tables and the page."""
    from refp.core.files import library_versions, write_csv
    from refp.reports.tolerance_report import write_tolerance_report

    write_csv(rows, output / "tolerance.csv")
    write_csv(curves, output / "curve.csv")
    stamp = {**library_versions("numpy", "scipy"), **sources}
    write_tolerance_report(output / "report.html", points, rows, curves, stamp)
