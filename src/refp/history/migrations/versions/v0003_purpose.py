"""What a record is for, and who corrected it; an index for the newest of an instrument."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, which are empty in the records that are there, and the index."""
    for name in ("purpose", "corrected_by"):
        op.add_column("refp_records", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.create_index("refp_records_newest", "refp_records", ["instrument", "recorded_utc"])


def downgrade() -> None:
    """Refuse: it would remove what records say."""
    raise NotImplementedError("a history is not taken back; restore a copy of the database")
