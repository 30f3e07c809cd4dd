"""Estimate dZ of single images."""

from collections.abc import Sequence

import pandas as pd

from refp.core.parallel import SERIAL, Execution
from refp.estimate.batch import estimate_each
from refp.estimate.estimator import Estimator, ImageEstimate
from refp.pipeline.tables import estimate_table
from refp.sweeps import Frame, SingleImage


def estimate_images(
    estimator: Estimator,
    images: Sequence[SingleImage | Frame],
    *,
    execution: Execution = SERIAL,
) -> tuple[pd.DataFrame, list[ImageEstimate]]:
    """Estimate dZ of single images, one row each in their order.

    For very many images use :func:`refp.estimate.batch.estimate_each`, which needs less memory.
    """
    results: list[ImageEstimate] = []
    estimate_each(
        estimator, images, execution=execution, each=lambda _, result: results.append(result)
    )
    names = [result.image for result in results]
    return estimate_table(names, [r.estimate for r in results], estimator.card.name), results
