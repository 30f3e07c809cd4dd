"""Rows of the API have the columns of the command line."""

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.estimate.rows import DETAIL_COLUMNS, ESTIMATE_COLUMNS, VERDICT_COLUMN
from refp.history import ACTIONS, RULES, WARNING
from refp.history.rows import COLUMNS
from refp.settings import FamilyName
from refp.web.schemas.common import EstimateRow
from refp.web.schemas.history import RecordIn, RecordRow
from refp.web.schemas.models import Family
from refp.web.wording import rules as rule_words


def test_estimates_have_the_columns_of_the_command() -> None:
    assert tuple(EstimateRow.model_fields) == (*ESTIMATE_COLUMNS, *DETAIL_COLUMNS, VERDICT_COLUMN)


def test_records_have_the_columns_of_the_command() -> None:
    assert tuple(RecordRow.model_fields) == COLUMNS
    assert set(RecordIn.model_fields) == set(COLUMNS)
    assert set(ACTIONS) == set(RULES)
    assert rule_words.WARNING == WARNING


def test_families_are_those_of_the_method() -> None:
    assert set(Family.__args__) == {"", *FamilyName.__args__}
