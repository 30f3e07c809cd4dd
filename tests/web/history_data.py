"""Records as programs send them, and an app that keeps them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from refp.history import new_id
from refp.web import WebSettings, create_app

from .requests import BASE
from .server import serve

HISTORY = "/api/v1/history"
STEADY = [1.0, -1.0] * 10
"""Mean 0, standard deviation 1.026."""


def row(day: int, dz_um: float | None, **values: object) -> dict[str, Any]:
    """A daily check of instrument ``mine``, days after the first of March."""
    month, of_month = divmod(day, 28)
    known: dict[str, Any] = {
        "id": new_id(),
        "recorded_at": f"2026-{3 + month:02d}-{of_month + 1:02d}T08:00:00+01:00",
        "kind": "estimate",
        "purpose": "daily",
        "instrument": "mine",
        "operator": "Ada",
        "image": f"daily_{day}.tif",
        "status": "refused" if dz_um is None else "ok",
        "delta_z_um": dz_um,
        "u_um": None if dz_um is None else 0.5,
        "n_beads_used": 0 if dz_um is None else 9,
    }
    return {**known, **values}


def rows(*values: float | None, start: int = 0, **others: object) -> list[dict[str, Any]]:
    """A daily check a day."""
    return [row(start + k, value, **others) for k, value in enumerate(values)]


@contextmanager
def app_with(settings: WebSettings, folder: Path) -> Iterator[TestClient]:
    """An app that keeps its history in a folder."""
    with TestClient(create_app(_keeping(settings, folder)), base_url=BASE) as client:
        yield client


@contextmanager
def served_with(settings: WebSettings, folder: Path) -> Iterator[str]:
    """The address of such an app behind a real socket."""
    with serve(_keeping(settings, folder)) as served:
        yield served.address


def _keeping(settings: WebSettings, folder: Path) -> WebSettings:
    return settings.model_copy(update={"history": str(folder / "history.db")})


def freeze(client: TestClient, name: str = "spring", **values: object) -> Any:
    """Freeze limits from the first twenty days."""
    body = {"name": name, "instrument": "mine", "since": "2026-03-01", "until": "2026-03-21"}
    return client.post(f"{HISTORY}/baselines", json={**body, **values})
