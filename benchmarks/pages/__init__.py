"""Pages of the docs generated from the benchmark files: summaries, figures and templates."""
