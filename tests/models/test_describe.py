"""The sentence on the coverage of a model's intervals."""

import pytest

from refp.models.card import Calibration, Coverage, ModelCard
from refp.models.describe import describe_coverage


def card_with(coverage: Coverage | None, widening: float = 1.0) -> ModelCard:
    calibration = Calibration.model_construct(coverage=coverage, widening=widening)
    recipe = {"estimate": {"coverage": 0.9}}
    return ModelCard.model_construct(calibration=calibration, recipe=recipe)


def observed(fraction: float, p_value: float) -> Coverage:
    return Coverage(
        nominal=0.95, observed=fraction, n_images=486, n_effective=110.0, p_value=p_value
    )


@pytest.mark.parametrize(
    ("card", "text"),
    [
        (
            card_with(observed(0.934, 0.3)),
            (
                "nominally 95 %; 93.4 % of 486 held-out intervals contain the labelled dZ, its uncertainty "
                "included"
            ),
        ),
        (
            card_with(observed(0.9, 0.001), 1.237),
            (
                "nominally 95 %; 90 % of 486 held-out intervals contain the labelled dZ, its uncertainty "
                "included, significantly fewer: all intervals are widened by a factor of 1.24"
            ),
        ),
        (
            card_with(None, 1.2),
            (
                "nominally 90 %; not observed on images of this instrument: all intervals are widened by a "
                "factor of 1.20"
            ),
        ),
    ],
)
def test_nominal_and_observed_coverage_are_side_by_side(card: ModelCard, text: str) -> None:
    assert describe_coverage(card) == text


@pytest.mark.parametrize(("p_value", "low"), [(0.049, True), (0.05, False), (0.9, False)])
def test_low_is_significantly_low(p_value: float, low: bool) -> None:
    assert observed(0.9, p_value).is_low == low


def test_a_calibration_of_an_earlier_file_has_no_coverage_and_no_widening() -> None:
    fields = Calibration.model_fields
    assert (fields["coverage"].default, fields["widening"].default) == (None, 1.0)
