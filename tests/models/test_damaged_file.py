"""Model files with changed bytes are read, or refused in one line."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refp.core.errors import ModelError
from refp.models import load_model


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), max_size=6),
    keep=st.one_of(st.just(1.0), st.floats(0.0, 1.0)),
)
def test_a_damaged_model_file(
    lookup_model: Path, tmp_path: Path, changes: list[tuple[int, int]], keep: float
) -> None:
    content = bytearray(lookup_model.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path = tmp_path / "a.refp"
    path.write_bytes(content[: int(keep * len(content))])
    try:
        load_model(path)
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017
