"""Reports that runs wrote, sent as they are under rules of their own."""

from pathlib import Path

from fastapi.responses import FileResponse

REPORT_RULES = (
    "sandbox allow-downloads; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A report brings its own style, pictures and tables, all within itself, and runs nothing."""


def send_report_file(path: Path) -> FileResponse:
    """Send a page that a run wrote."""
    rules = {"content-security-policy": REPORT_RULES}
    return FileResponse(path, headers=rules, media_type="text/html")
