"""One module per image format, each with ``read_header(path)`` and ``read_plane(path, page)``."""
