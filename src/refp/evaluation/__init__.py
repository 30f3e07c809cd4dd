"""Errors of estimates against known dZ, and what they come to: hands on :class:`Summary`."""

from refp.evaluation.summary import THRESHOLDS_UM, Summary, summarise

__all__ = ["THRESHOLDS_UM", "Summary", "summarise"]
