from .actions import ACTIONS as ACTIONS
from .actions import OUTSIDE_TOLERANCE as OUTSIDE_TOLERANCE
from .baseline import MIN_DAYS as MIN_DAYS
from .baseline import MIN_VALUES as MIN_VALUES
from .baseline import needed as needed
from .baseline import noun_of as noun_of
from .baseline import standardise as standardise
from .chart import Annotation as Annotation
from .chart import ControlChart as ControlChart
from .chart import judge_chart as judge_chart
from .chart import make_chart as make_chart
from .chart import select_chart as select_chart
from .chart import select_points as select_points
from .check import CheckResult as CheckResult
from .check import describe_failure as describe_failure
from .check import describe_result as describe_result
from .check import evaluate_check as evaluate_check
from .correction import correction as correction
from .database import History as History
from .history import KIND_OF as KIND_OF
from .history import LABELS as LABELS
from .history import Baseline as Baseline
from .history import HistoryRecord as HistoryRecord
from .history import Kind as Kind
from .history import ModelUse as ModelUse
from .history import PointState as PointState
from .history import Purpose as Purpose
from .history import Quantity as Quantity
from .history import RecordVerdict as RecordVerdict
from .history import Series as Series
from .history import Status as Status
from .history import check_purpose as check_purpose
from .history import check_quantity as check_quantity
from .history import check_series as check_series
from .history import name_instrument as name_instrument
from .history import new_id as new_id
from .history import parse_time as parse_time
from .history import serial_of as serial_of
from .job_log import JobEvent as JobEvent
from .job_log import JobLog as JobLog
from .job_log import JobRecord as JobRecord
from .job_state import ENDED as ENDED
from .job_state import JobState as JobState
from .location import default_database as default_database
from .rows import with_local_times as with_local_times
from .rows import with_offset as with_offset
from .rules import RULES as RULES
from .rules import WARNING as WARNING
from .rules import Firing as Firing
from .rules import fired as fired
from .selection import ChartRequest as ChartRequest
from .selection import Selection as Selection
from .stage import Direction as Direction
from .stage import StageRecord as StageRecord
from .stage_log import StageLog as StageLog
from .state import FAILURES as FAILURES
from .state import describe_tolerance as describe_tolerance
from .state import missing_limits as missing_limits
from .state import states_of as states_of
from .state import wide_limits as wide_limits
from .verification import Criterion as Criterion
from .verification import Outcome as Outcome
from .verification import Verification as Verification
from .verification import latest_by_serial as latest_by_serial
from .verification import verification_rows as verification_rows
from .verification_log import VerificationLog as VerificationLog

__all__ = [
    "ACTIONS",
    "ENDED",
    "FAILURES",
    "KIND_OF",
    "LABELS",
    "MIN_DAYS",
    "MIN_VALUES",
    "OUTSIDE_TOLERANCE",
    "RULES",
    "WARNING",
    "Annotation",
    "Baseline",
    "ChartRequest",
    "CheckResult",
    "ControlChart",
    "Criterion",
    "Direction",
    "Firing",
    "History",
    "HistoryRecord",
    "JobEvent",
    "JobLog",
    "JobRecord",
    "JobState",
    "Kind",
    "ModelUse",
    "Outcome",
    "PointState",
    "Purpose",
    "Quantity",
    "RecordVerdict",
    "Selection",
    "Series",
    "StageLog",
    "StageRecord",
    "Status",
    "Verification",
    "VerificationLog",
    "check_purpose",
    "check_quantity",
    "check_series",
    "correction",
    "default_database",
    "describe_failure",
    "describe_result",
    "describe_tolerance",
    "evaluate_check",
    "fired",
    "judge_chart",
    "latest_by_serial",
    "make_chart",
    "missing_limits",
    "name_instrument",
    "needed",
    "new_id",
    "noun_of",
    "parse_time",
    "select_chart",
    "select_points",
    "serial_of",
    "standardise",
    "states_of",
    "verification_rows",
    "wide_limits",
    "with_local_times",
    "with_offset",
]
