"""Purpose of a record and operator of a correction; an index for the newest of an instrument."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, which are empty in existing records, and the index."""
    for name in ("purpose", "corrected_by"):
        op.add_column("refp_records", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.create_index("refp_records_newest", "refp_records", ["instrument", "recorded_utc"])


def downgrade() -> None:
    """Refuse, because a downgrade would remove values of records."""
    raise NotImplementedError("downgrades are not supported; restore a copy of the database")
