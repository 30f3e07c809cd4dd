"""Verifications, appended only; state of verification of a record."""

import sqlalchemy as sa
from alembic import op

from refp.history.migrations.guard import guard

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table and the triggers that guard it; add the column, empty in existing records."""
    column = sa.Column("verification", sa.Text, nullable=False, server_default="")
    op.add_column("refp_records", column)
    op.create_table(
        "refp_verifications",
        sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("verified_utc", sa.DateTime, nullable=False),
        sa.Column("utc_offset_s", sa.Integer, nullable=False),
        sa.Column("valid_until_utc", sa.DateTime, nullable=False),
        sa.Column("appended_utc", sa.DateTime, nullable=False),
        *_texts("instrument", "serial", "objective", "condenser", "operator", "note"),
        *_texts("model", "model_sha256", "data_sha256", "version"),
        sa.Column("tolerance_um", sa.Double, nullable=False),
        sa.Column("half_range_um", sa.Double, nullable=False),
        sa.Column("n_images", sa.Integer, nullable=False),
        *_texts("outcome", "criteria"),
        sa.CheckConstraint("serial <> ''", "refp_verifications_serial"),
        sa.CheckConstraint(
            "outcome IN ('pass', 'fail', 'inconclusive')", "refp_verifications_outcome"
        ),
    )
    op.create_index(
        "refp_verifications_newest", "refp_verifications", ["model_sha256", "verified_utc"]
    )
    guard("refp_verifications", "sequence = NEW.sequence OR id = NEW.id")


def downgrade() -> None:
    """Refuse, because a downgrade would remove records."""
    raise NotImplementedError("downgrades are not supported; restore a copy of the database")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]
