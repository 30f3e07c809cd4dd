"""Jobs of a server and their events, each appended only."""

import sqlalchemy as sa
from alembic import op

from refp.history.migrations.guard import guard

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables and the triggers that guard them."""
    op.create_table(
        "refp_jobs",
        sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        *_texts("server", "kind", "title", "operator", "request"),
    )
    op.create_table(
        "refp_job_events",
        sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("job", sa.String(36), sa.ForeignKey("refp_jobs.id"), nullable=False),
        sa.Column("at_utc", sa.DateTime, nullable=False),
        sa.Column("utc_offset_s", sa.Integer, nullable=False),
        *_texts("state", "told"),
    )
    op.create_index("refp_job_events_by_job", "refp_job_events", ["job"])
    guard("refp_jobs", "sequence = NEW.sequence OR id = NEW.id")
    guard("refp_job_events", "sequence = NEW.sequence")


def downgrade() -> None:
    """Refuse, because a downgrade would remove records."""
    raise NotImplementedError("downgrades are not supported; restore a copy of the database")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]
