"""The tables of the current schema; ``migrations`` create them, and a test compares the two."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER autoincrements there


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


def _numbers(*names: str) -> list[Column[float]]:
    return [Column(name, Double) for name in names]


def _added(*names: str) -> list[Column[str]]:
    """Return columns that a later version added, empty in existing records."""
    return [Column(name, Text, nullable=False, server_default="") for name in names]


records = Table(
    "refp_records",
    metadata,
    Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("recorded_utc", DateTime, nullable=False),
    Column("utc_offset_s", Integer, nullable=False),
    Column("appended_utc", DateTime, nullable=False),
    *_texts("kind", "instrument", "operator", "image", "image_sha256", "model", "model_sha256"),
    *_texts("recipe", "version", "status", "reason"),
    *_numbers("delta_z_um", "u_um", "lower_um", "upper_um", "coverage"),
    Column("n_beads", Integer, nullable=False),
    Column("n_beads_used", Integer, nullable=False),
    *_numbers("background", "tilt_y_um_per_px", "tilt_x_um_per_px", "refp_um", "refp_u_um"),
    *_texts("note"),
    # Unique: a record that is corrected twice would appear twice in every view.
    Column("corrects", String(36), ForeignKey("refp_records.id"), unique=True),
    CheckConstraint("kind IN ('estimate', 'plane', 'annotation')", name="refp_records_kind"),
    *_added("purpose", "corrected_by"),
    *_added("serial", "verification"),
    *_numbers("slope", "slope_u", "t_squared"),
    *_added("verdict"),
    *_numbers("tolerance_um"),
    CheckConstraint("status IN ('', 'ok', 'refused')", name="refp_records_status"),
    Index("refp_records_by_time", "instrument", "kind", "recorded_utc"),
    Index("refp_records_newest", "instrument", "recorded_utc"),
)
baselines = Table(
    "refp_baselines",
    metadata,
    Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
    *_texts("name", "instrument", "quantity"),
    Column("since_utc", DateTime, nullable=False),
    Column("until_utc", DateTime, nullable=False),
    Column("n", Integer, nullable=False),
    Column("mean", Double, nullable=False),
    Column("sd", Double, nullable=False),
    Column("frozen_utc", DateTime, nullable=False),
    *_texts("frozen_by"),
    *_added("purpose"),
    Column("n_days", Integer, nullable=False, server_default="0"),
    UniqueConstraint("name", "instrument", "quantity", name="refp_baselines_name"),
    CheckConstraint("n >= 10 AND sd > 0", name="refp_baselines_enough"),
)
jobs = Table(
    "refp_jobs",
    metadata,
    Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    *_texts("server", "kind", "title", "operator", "request"),
)
job_events = Table(
    "refp_job_events",
    metadata,
    Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
    Column("job", String(36), ForeignKey("refp_jobs.id"), nullable=False),
    Column("at_utc", DateTime, nullable=False),
    Column("utc_offset_s", Integer, nullable=False),
    *_texts("state", "told"),
    Index("refp_job_events_by_job", "job"),
)
verifications = Table(
    "refp_verifications",
    metadata,
    Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("verified_utc", DateTime, nullable=False),
    Column("utc_offset_s", Integer, nullable=False),
    Column("valid_until_utc", DateTime, nullable=False),
    Column("appended_utc", DateTime, nullable=False),
    *_texts("instrument", "serial", "objective", "condenser", "operator", "note"),
    *_texts("model", "model_sha256", "data_sha256", "version"),
    Column("tolerance_um", Double, nullable=False),
    Column("half_range_um", Double, nullable=False),
    Column("n_images", Integer, nullable=False),
    *_texts("outcome", "criteria"),
    CheckConstraint("serial <> ''", name="refp_verifications_serial"),
    CheckConstraint(
        "outcome IN ('pass', 'fail', 'inconclusive')", name="refp_verifications_outcome"
    ),
    Index("refp_verifications_newest", "model_sha256", "verified_utc"),
)
stages = Table(
    "refp_stages",
    metadata,
    Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
    Column("learnt_utc", DateTime, nullable=False),
    Column("utc_offset_s", Integer, nullable=False),
    Column("appended_utc", DateTime, nullable=False),
    *_texts("instrument", "serial", "source", "operator"),
    Column("direction", Integer, nullable=False),
    *_numbers("approach_um"),
    CheckConstraint("serial <> ''", name="refp_stages_serial"),
    CheckConstraint("direction IN (-1, 0, 1)", name="refp_stages_direction"),
    CheckConstraint("source IN ('verify', 'refocus')", name="refp_stages_source"),
    Index("refp_stages_newest", "instrument", "learnt_utc"),
)
