"""Errors of the article's network for a CPU budget: ``python -m benchmarks.accuracy.resnet``.

Recipe ``paper`` with one member and few steps, which takes minutes without a GPU.
"""

import tempfile
import time
from pathlib import Path

from benchmarks import HERE, TWIN, conditions
from benchmarks.accuracy.__main__ import judge
from refp.core.files import write_json
from refp.core.parallel import Execution, Workers, default_jobs
from refp.models import save_model
from refp.pipeline import define_planes, train_model
from refp.settings import load_recipe
from refp.sweeps import open_dataset

BUDGETS = (250, 1000)
TESTS = ("a2k-test1", "a2k-cells")


def main() -> None:
    """Train with each budget, evaluate, and write resnet.json."""
    paper = load_recipe("paper")
    planes = define_planes(
        [open_dataset(TWIN / "a2k-training")], paper, execution=Execution(Workers(default_jobs()))
    )
    budgets = []
    for steps in BUDGETS:
        resnet = {"members": 1, "max_steps": steps, "validate_steps": 250}
        recipe = paper.replace({"train.resnet": resnet})
        started = time.perf_counter()
        ensemble = train_model(planes, recipe)
        seconds = time.perf_counter() - started
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "resnet.refp"
            save_model(ensemble, model)
            tests = [{"dataset": name, **judge(model, name, None)["true"]} for name in TESTS]
        budgets.append(
            {
                "steps": steps,
                "members": 1,
                "seconds": seconds,
                "held_out_rms_um": ensemble.card.calibration.rms_um,
                "tests": tests,
            }
        )
        print(steps, seconds, ensemble.card.calibration.rms_um, flush=True)
    write_json({"conditions": conditions(), "budgets": budgets}, HERE / "accuracy" / "resnet.json")


if __name__ == "__main__":
    main()
