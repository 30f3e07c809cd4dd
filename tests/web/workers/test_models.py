"""Checks before a model is trained."""

import pytest

from refp.core.errors import MissingExtraError
from refp.web.workers import models as model_work


def test_a_missing_library_is_told_before_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_work, "find_spec", lambda name: None if name == "torch" else name)
    model_work.check_training("default", "lookup")
    with pytest.raises(MissingExtraError, match="family 'profile' needs torch"):
        model_work.check_training("default", "")
