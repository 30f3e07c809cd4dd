"""The README's example and every file of examples/ run."""

import re
import runpy
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def readme_example() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- example: run by the tests -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found, "README.md has no example"
    return found[1]


def test_the_readme_example_is_short() -> None:
    assert len([line for line in readme_example().splitlines() if line.strip()]) <= 10


def test_the_readme_example_runs(
    tiny_sweep: Path,
    tiny_test: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(tiny_sweep, tmp_path / "training")
    shutil.copytree(tiny_test, tmp_path / "test")
    monkeypatch.chdir(tmp_path)
    exec(compile(readme_example(), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "REFP" in printed
    images = [line for line in printed.splitlines() if ".tif " in line]
    assert len(images) == 9
    assert all(float(line.split()[2]) <= float(line.split()[3]) or "nan" in line for line in images)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_every_example_runs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path), run_name="__main__")
    assert "um" in capsys.readouterr().out
