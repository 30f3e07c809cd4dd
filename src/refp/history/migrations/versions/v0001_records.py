"""Records and baselines, each appended only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SAME_ROW = {
    "refp_records": "sequence = NEW.sequence OR id = NEW.id OR corrects = NEW.corrects",
    "refp_baselines": "sequence = NEW.sequence OR (name = NEW.name "
    "AND instrument = NEW.instrument AND quantity = NEW.quantity)",
}
"""Rows that INSERT OR REPLACE would remove."""
APPENDED_ONLY = "appended only: nothing in {table} is changed or removed"


def upgrade() -> None:
    """Make the tables and the triggers that guard them."""
    _make_records()
    _make_baselines()
    guard = _guard_sqlite if op.get_bind().dialect.name == "sqlite" else _guard_postgresql
    for table, same in SAME_ROW.items():
        guard(table, same)


def downgrade() -> None:
    """Refuse: it would remove records."""
    raise NotImplementedError("a history is not taken back; restore a copy of the database")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double) for name in names]


def _make_records() -> None:
    op.create_table(
        "refp_records",
        sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("recorded_utc", sa.DateTime, nullable=False),
        sa.Column("utc_offset_s", sa.Integer, nullable=False),
        sa.Column("appended_utc", sa.DateTime, nullable=False),
        *_texts("kind", "instrument", "operator", "image", "image_sha256", "model"),
        *_texts("model_sha256", "recipe", "version", "status", "reason"),
        *_numbers("delta_z_um", "u_um", "lower_um", "upper_um", "coverage"),
        sa.Column("n_beads", sa.Integer, nullable=False),
        sa.Column("n_beads_used", sa.Integer, nullable=False),
        *_numbers("background", "tilt_y_um_per_px", "tilt_x_um_per_px", "refp_um", "refp_u_um"),
        *_texts("note"),
        sa.Column("corrects", sa.String(36), sa.ForeignKey("refp_records.id"), unique=True),
        sa.CheckConstraint("kind IN ('estimate', 'plane', 'annotation')", "refp_records_kind"),
        sa.CheckConstraint("status IN ('', 'ok', 'refused')", "refp_records_status"),
    )
    op.create_index("refp_records_by_time", "refp_records", ["instrument", "kind", "recorded_utc"])


def _make_baselines() -> None:
    op.create_table(
        "refp_baselines",
        sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
        *_texts("name", "instrument", "quantity"),
        sa.Column("since_utc", sa.DateTime, nullable=False),
        sa.Column("until_utc", sa.DateTime, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("mean", sa.Double, nullable=False),
        sa.Column("sd", sa.Double, nullable=False),
        sa.Column("frozen_utc", sa.DateTime, nullable=False),
        *_texts("frozen_by"),
        sa.UniqueConstraint("name", "instrument", "quantity", name="refp_baselines_name"),
        sa.CheckConstraint("n >= 10 AND sd > 0", name="refp_baselines_enough"),
    )


def _guard_sqlite(table: str, same: str) -> None:
    raised = f"SELECT RAISE(ABORT, '{APPENDED_ONLY.format(table=table)}')"
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_{act.lower()} BEFORE {act} ON {table} BEGIN {raised}; END"
        )
    # INSERT OR REPLACE removes the row in its way without calling the trigger on DELETE.
    there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608
    op.execute(
        f"CREATE TRIGGER {table}_replace BEFORE INSERT ON {table} WHEN {there} BEGIN {raised}; END"
    )


def _guard_postgresql(table: str, _same: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{APPENDED_ONLY.format(table=table)}'; END $$"
    )
    for act, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {table}_{act.split()[0].lower()} BEFORE {act} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION {table}_guard()"
        )
