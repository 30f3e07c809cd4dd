"""Worker processes and their functions; no module here imports a web library."""
