"""Triggers that allow a table to be appended to, and not to be changed."""

from alembic import op

APPENDED_ONLY = "appended only: nothing in {table} is changed or removed"


def guard(table: str, same: str) -> None:
    """Create triggers that refuse to change or remove rows of a table.

    Parameters
    ----------
    table
        Name of the table.
    same
        Condition on a row that INSERT OR REPLACE of a row ``NEW`` would remove.
    """
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite(table, same)
    else:
        _guard_postgresql(table)


def _guard_sqlite(table: str, same: str) -> None:
    raised = f"SELECT RAISE(ABORT, '{APPENDED_ONLY.format(table=table)}')"
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_{act.lower()} BEFORE {act} ON {table} BEGIN {raised}; END"
        )
    # INSERT OR REPLACE removes an existing row without the trigger on DELETE.
    exists = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608
    op.execute(
        f"CREATE TRIGGER {table}_replace BEFORE INSERT ON {table} WHEN {exists} BEGIN {raised}; END"
    )


def _guard_postgresql(table: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{APPENDED_ONLY.format(table=table)}'; END $$"
    )
    for act, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {table}_{act.split()[0].lower()} BEFORE {act} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION {table}_guard()"
        )
