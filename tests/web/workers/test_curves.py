"""Feature curves of a job, as the page of its planes draws them."""

from pathlib import Path

import numpy as np
import pandas as pd

from refp.web.storage.job_files import planes_folder
from refp.web.workers.planes import read_curves


def test_curves_are_drawn_where_the_frames_really_were(tmp_path: Path) -> None:
    """Values are a function of the true Z; the last frame was not placed."""
    nominal = np.arange(0.0, 60.0, 10.0)
    error = np.array([3.0, -3.0, 2.0, -2.0, 1.0, 4.0])
    table = pd.DataFrame(
        {
            "dataset": "set",
            "experiment": "1",
            "fov": "1",
            "exposure_ms": 9.0,
            "z_um": nominal,
            "stage_error_um": error,
            "trusted": [True] * 5 + [False],
            "steepest_slope": nominal + error,
            "center_intensity": 0.0,
            "ss_fitted": 0.0,
            "ci_fitted": 0.0,
            "ss_saturated": False,
            "ci_saturated": False,
        }
    )
    folder = planes_folder(tmp_path, "job")
    folder.mkdir(parents=True)
    table.to_parquet(folder / "curves.parquet")
    ((curve,),) = read_curves(tmp_path, "job").values()
    np.testing.assert_allclose(curve["z_um"][:5], curve["ss"][:5])
    assert curve["z_um"][5] == nominal[5]
