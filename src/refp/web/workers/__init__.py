"""Worker processes, and the functions that they run; no web library in here."""
