"""What the docs quote from the benchmark files, a module per theme."""
