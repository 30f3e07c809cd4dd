from .baseline import MIN_VALUES as MIN_VALUES
from .baseline import standardise as standardise
from .chart import Annotation as Annotation
from .chart import ControlChart as ControlChart
from .chart import Period as Period
from .chart import make_chart as make_chart
from .chart import select_chart as select_chart
from .chart import select_points as select_points
from .correction import correction as correction
from .database import History as History
from .history import KIND_OF as KIND_OF
from .history import LABELS as LABELS
from .history import Baseline as Baseline
from .history import HistoryRecord as HistoryRecord
from .history import Kind as Kind
from .history import ModelUse as ModelUse
from .history import Purpose as Purpose
from .history import Quantity as Quantity
from .history import Status as Status
from .history import check_purpose as check_purpose
from .history import check_quantity as check_quantity
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
from .verification import Criterion as Criterion
from .verification import Outcome as Outcome
from .verification import Verification as Verification
from .verification import latest_by_serial as latest_by_serial
from .verification import verification_rows as verification_rows
from .verification_log import VerificationLog as VerificationLog

__all__ = [
    "ENDED",
    "KIND_OF",
    "LABELS",
    "MIN_VALUES",
    "RULES",
    "WARNING",
    "Annotation",
    "Baseline",
    "ControlChart",
    "Criterion",
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
    "Period",
    "Purpose",
    "Quantity",
    "Status",
    "Verification",
    "VerificationLog",
    "check_purpose",
    "check_quantity",
    "correction",
    "default_database",
    "fired",
    "latest_by_serial",
    "make_chart",
    "name_instrument",
    "new_id",
    "parse_time",
    "select_chart",
    "select_points",
    "serial_of",
    "standardise",
    "verification_rows",
    "with_local_times",
    "with_offset",
]
