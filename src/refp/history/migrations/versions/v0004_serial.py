"""Serial number of the instrument of a record."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, which is empty in existing records."""
    op.add_column("refp_records", sa.Column("serial", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Refuse, because a downgrade would remove values of records."""
    raise NotImplementedError("downgrades are not supported; restore a copy of the database")
