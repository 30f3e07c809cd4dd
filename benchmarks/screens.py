"""Take the pictures of the pages, with Chromium: ``python -m benchmarks.screens``.

The estimate and the planes are of a demo; the control chart is of invented daily checks with a drift.
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.speed.web import serve
from refp.history import new_id
from refp.pipeline.demo import TOLERANCE_UM, run_demo
from refp.web import Client

PICTURES = Path(__file__).parent.parent / "docs" / "images"
SIZE_PX = {"width": 1366, "height": 860}
IMAGE = 10
"""Number of the demo's test image to estimate."""
FIRST_DAY = datetime(2026, 3, 1, 8, tzinfo=UTC)
N_DAYS, N_STEADY, LAST_DRIFT_UM = 50, 30, 2.2
CHECK_TOLERANCE_UM = 5.0


def main() -> None:
    """Write docs/images/serve-*.png."""
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo, home = Path(folder) / "demo", Path(folder) / "home"
        run_demo(demo)
        options = ("--model", str(demo / "model.refp"), "--root", str(demo))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with serve(home, *options) as (address, _, _):
            client = Client(address)
            planes = client.define_planes_there(["training"], title="Monday")["id"]
            client.wait(planes)
            show_estimate(open_page(browser), address, sorted((demo / "test").glob("*.tif"))[IMAGE])
            show_plane(open_page(browser, "dark"), address, planes)
            record_checks(client)
            show_history(open_page(browser), address)
        browser.close()


def open_page(browser: Browser, theme: str = "light") -> Page:
    """Return a new page."""
    return browser.new_context(viewport=SIZE_PX, color_scheme=theme).new_page()  # type: ignore[arg-type]


def show_estimate(page: Page, address: str, image: Path) -> None:
    """Take the picture of the estimate of an image, with the profile of a bead."""
    page.goto(address)
    page.fill("[name=tolerance_um]", str(TOLERANCE_UM))
    page.fill("[name=operator]", "Ada")
    page.set_input_files("#files", image)
    page.click("button[type=submit]:has-text('Estimate')")
    page.wait_for_selector(".result .number")
    page.locator(".bead.used >> nth=0").click()
    page.wait_for_selector(".profile .main-svg")
    page.screenshot(path=PICTURES / "serve-estimate.png")


def show_plane(page: Page, address: str, name: str) -> None:
    """Take the picture of defined planes."""
    page.goto(f"{address}/planes/{name}")
    page.wait_for_selector(".curves .point")
    page.screenshot(path=PICTURES / "serve-plane.png")


def record_checks(client: Client) -> None:
    """Record daily checks that drift at the end, limits of the steady period, and a note."""
    rng = np.random.default_rng(3)
    drift_um = np.interp(np.arange(N_DAYS), [N_STEADY, N_DAYS - 1], [0.0, LAST_DRIFT_UM])
    days = [FIRST_DAY + timedelta(days=k) for k in range(N_DAYS)]
    dz_um = rng.normal(scale=0.7, size=N_DAYS) + drift_um
    client.record(
        [
            {
                "id": new_id(),
                "recorded_at": day.isoformat(),
                "kind": "estimate",
                "purpose": "daily",
                "instrument": "a2k",
                "operator": "Ada",
                "image": f"check_{day:%m%d}.tif",
                "status": "ok",
                "delta_z_um": round(float(value), 2),
                "u_um": 0.5,
                "n_beads_used": 9,
                "verdict": "pass",
                "tolerance_um": CHECK_TOLERANCE_UM,
            }
            for day, value in zip(days, dz_um, strict=True)
            if day.weekday() < 5
        ]
    )
    client.freeze("spring", "a2k", days[0].date().isoformat(), days[N_STEADY].date().isoformat())
    client.annotate("new slide lot", "a2k", at=days[N_STEADY + 2].isoformat())


def show_history(page: Page, address: str) -> None:
    """Take the picture of the control chart of those checks."""
    until = (FIRST_DAY + timedelta(days=N_DAYS)).date()
    page.goto(f"{address}/history?instrument=a2k&since={FIRST_DAY.date()}&until={until}")
    page.wait_for_selector(".history-chart .main-svg")
    page.screenshot(path=PICTURES / "serve-history.png")


if __name__ == "__main__":
    main()
