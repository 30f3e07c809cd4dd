"""Verdict and tolerance of an estimate; purpose and number of days of a baseline."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns: no verdict and no tolerance in existing records, 0 days in baselines."""
    op.add_column("refp_records", sa.Column("verdict", sa.Text, nullable=False, server_default=""))
    op.add_column("refp_records", sa.Column("tolerance_um", sa.Double))
    op.add_column(
        "refp_baselines", sa.Column("purpose", sa.Text, nullable=False, server_default="")
    )
    n_days = sa.Column("n_days", sa.Integer, nullable=False, server_default="0")
    op.add_column("refp_baselines", n_days)


def downgrade() -> None:
    """Refuse, because a downgrade would remove values of records."""
    raise NotImplementedError("downgrades are not supported; restore a copy of the database")
