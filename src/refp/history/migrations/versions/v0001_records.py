"""Records and baselines, each appended only."""

import sqlalchemy as sa
from alembic import op

from refp.history.migrations.guard import guard

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


def upgrade() -> None:
    """Create the tables and the triggers that guard them."""
    _make_records()
    _make_baselines()
    for table, same in SAME_ROW.items():
        guard(table, same)


def downgrade() -> None:
    """Refuse, because a downgrade would remove records."""
    raise NotImplementedError("downgrades are not supported; restore a copy of the database")


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
