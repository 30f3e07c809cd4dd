"""Intervals of fractions."""

from scipy.stats import binomtest

COVERAGE = 0.95


def fraction_interval(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a fraction ``k / n``; NaN for ``n = 0``.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc.
    22, 209 (1927).
    """
    if not n:
        return float("nan"), float("nan")
    found = binomtest(k, n).proportion_ci(COVERAGE, method="wilson")
    return float(found.low), float(found.high)
