"""Z of frames, corrected for the stage."""

import numpy as np

from refp.core.positions import found_z_um


def test_a_frame_is_where_the_stage_really_was() -> None:
    """The stage was told to go to 10 um and went to 12: its error is true less nominal Z, +2 um."""
    nominal = np.array([10.0, 20.0, 30.0])
    error = np.array([2.0, np.nan, -1.5])
    np.testing.assert_allclose(found_z_um(nominal, error, [True, True, True]), [12.0, 20.0, 28.5])
    np.testing.assert_allclose(found_z_um(nominal, error, [True, True, False]), [12.0, 20.0, 30.0])
