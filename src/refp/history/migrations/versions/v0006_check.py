"""Slope and fit of a daily check of three frames."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, which are null in existing records."""
    for name in ("slope", "slope_u", "t_squared"):
        op.add_column("refp_records", sa.Column(name, sa.Double))


def downgrade() -> None:
    """Refuse, because a downgrade would remove values of records."""
    raise NotImplementedError("downgrades are not supported; restore a copy of the database")
