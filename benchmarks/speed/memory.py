"""Measure the memory of ``refp serve`` over 5,000 estimates: ``python -m benchmarks.speed.memory``.

It takes minutes and is therefore separate from :mod:`benchmarks.speed.web`.
"""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import HTTPCookieProcessor, Request, build_opener

import numpy as np

from benchmarks import HERE
from benchmarks.speed.parts import measure_parts
from benchmarks.speed.web import memories_mb, prepare, serve_model
from refp.web import Client

N_ESTIMATES, EACH, N_CLIENTS = 5000, 250, 4
PAGES_OF = 5
"""Every fifth estimate uses the page, which keeps images and pictures for a while."""
MAX_GROWTH = 0.05
"""Largest relative growth of memory in the second half that counts as constant."""


class Page:
    """Client of the form of the first page, like a browser."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))
        with self._opener.open(address) as page:
            found = re.search(r'name="form_token" value="(\w+)"', page.read().decode())
        assert found
        self._token = found[1]

    def estimate(self, image: Path) -> None:
        """Send an image and read its result."""
        boundary = secrets.token_hex(16)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n'
        head += f'{self._token}\r\n--{boundary}\r\nContent-Disposition: form-data; name="files"; '
        head += f'filename="{image.name}"\r\n\r\n'
        body = head.encode() + image.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
        with self._opener.open(Request(f"{self._address}/estimate", body, kind)) as page:
            assert b'class="number"' in page.read()


def memory(model: Path, images: list[Path]) -> dict[str, object]:
    """Return resident memory of server and workers during many estimates, and its growth."""
    with serve_model(model) as (address, pid, _):
        client, page = Client(address), Page(address)

        def estimate(k: int) -> None:
            image = images[k % len(images)]
            if k % PAGES_OF:
                assert client.estimate([image])[0]["status"] == "ok"
            else:
                page.estimate(image)

        samples = []
        with ThreadPoolExecutor(N_CLIENTS) as clients:
            for done in range(0, N_ESTIMATES, EACH):
                list(clients.map(estimate, range(done, done + EACH)))
                samples.append(memories_mb(pid))
                print(done + EACH, samples[-1], flush=True)
    return describe(np.array(samples))


def describe(samples_mb: np.ndarray) -> dict[str, object]:
    """Return growth and slope of the second half of ``samples_mb`` (n, 2), server and workers."""
    total = samples_mb.sum(axis=1)
    late = total[len(total) // 2 :]
    per_estimate, _ = np.polyfit(np.arange(len(late)) * EACH, late, 1)
    growth = per_estimate * EACH * (len(late) - 1) / late[0]
    return {
        "estimates": N_ESTIMATES,
        "every": EACH,
        "server_mb": [float(v) for v in samples_mb[:, 0]],
        "workers_mb": [float(v) for v in samples_mb[:, 1]],
        "second_half_mb_per_1000": float(1000 * per_estimate),
        "second_half_growth": float(growth),
        "bars": {"second_half_growth": MAX_GROWTH},
    }


def main() -> None:
    """Write memory.json."""
    with TemporaryDirectory() as name:
        model, images = prepare(Path(name))
        about = (
            "simulated by refp.synthetic, a2k, 1392x1040, 20 beads, default family; "
            f"{N_CLIENTS} clients, every {PAGES_OF}th estimate by the page"
        )
        target = HERE / "speed" / "memory.json"
        measure_parts(target, {"memory": lambda: memory(model, images)}, about)


if __name__ == "__main__":
    main()
