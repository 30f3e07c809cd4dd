"""Stages of instruments, appended only, with the directions that known verifications show."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from refp.history.migrations.guard import guard

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SIGMAS = 3.0
"""Standard uncertainties by which a slope must differ from 0."""


def upgrade() -> None:
    """Create the table and the triggers that guard it, and fill it from the verifications."""
    stages = op.create_table(
        "refp_stages",
        sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("learnt_utc", sa.DateTime, nullable=False),
        sa.Column("utc_offset_s", sa.Integer, nullable=False),
        sa.Column("appended_utc", sa.DateTime, nullable=False),
        *_texts("instrument", "serial", "source", "operator"),
        sa.Column("direction", sa.Integer, nullable=False),
        sa.Column("approach_um", sa.Double),
        sa.CheckConstraint("serial <> ''", "refp_stages_serial"),
        sa.CheckConstraint("direction IN (-1, 0, 1)", "refp_stages_direction"),
        sa.CheckConstraint("source IN ('verify', 'refocus')", "refp_stages_source"),
    )
    op.create_index("refp_stages_newest", "refp_stages", ["instrument", "learnt_utc"])
    guard("refp_stages", "sequence = NEW.sequence")
    known = _known_directions()
    if known:
        op.bulk_insert(stages, known)


def downgrade() -> None:
    """Refuse, because a downgrade would remove records."""
    raise NotImplementedError("downgrades are not supported; restore a copy of the database")


def _known_directions() -> list[dict[str, Any]]:
    """Return the direction by the last verification of each instrument that shows one."""
    names = ("verified_utc", "utc_offset_s", "appended_utc", "instrument", "serial", "operator")
    columns = [sa.column(name, sa.DateTime if "_utc" in name else None) for name in names]
    table = sa.table("refp_verifications", *columns, sa.column("sequence"), sa.column("criteria"))
    query = sa.select(table).order_by(table.c.verified_utc, table.c.sequence)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in op.get_bind().execute(query):
        direction = _direction_of(json.loads(row.criteria))
        if direction:
            found[row.instrument, row.serial] = {
                "learnt_utc": row.verified_utc,
                **{name: getattr(row, name) for name in names[1:]},
                "direction": direction,
                "source": "verify",
            }
    return list(found.values())


def _direction_of(criteria: list[dict[str, Any]]) -> int:
    """Return the sign of the slope; 0 without a slope that differs clearly from 0."""
    for one in criteria:
        value, u = one["value"], one["u"]
        if one["name"] == "slope" and u is not None and abs(value) > SIGMAS * u:
            return 1 if value > 0 else -1
    return 0


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]
