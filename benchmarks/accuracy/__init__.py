"""Accuracy on the twin, judged against its truth."""
