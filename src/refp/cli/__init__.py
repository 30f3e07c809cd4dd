"""Thin commands: read the arguments, call the pipeline, print and write its results."""
