"""Draw the README's picture, three figures of a demo: ``python -m benchmarks.picture``."""

import io
import tempfile
from pathlib import Path

import pandas as pd
from PIL import Image

from refp import define_planes, load_recipe, open_dataset
from refp.pipeline.demo import TOLERANCE_UM, run_demo
from refp.pipeline.overlays import sweep_montage
from refp.reports import draw_bead_montage, draw_errors, draw_feature_curves, png_bytes

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "demo.png"
WIDTH_PX = 1100


def main() -> None:
    """Write docs/images/demo.png."""
    with tempfile.TemporaryDirectory() as folder:
        run_demo(Path(folder) / "demo")
        demo = Path(folder) / "demo"
        planes = define_planes([open_dataset(demo / "training")], load_recipe())
        montage = sweep_montage(planes)[0]
        figures = [
            draw_bead_montage(montage.tiles, montage.dz_um, montage.pixel_size_um, montage.title),
            draw_feature_curves(
                pd.read_parquet(demo / "planes" / "curves.parquet"),
                pd.read_csv(demo / "planes" / "planes.csv"),
                "feature curves and pooled profile",
            ),
            draw_errors(
                pd.read_csv(demo / "evaluation" / "errors.csv"),
                TOLERANCE_UM,
                "unseen images, against the true stage position",
            ),
        ]
    stack([Image.open(io.BytesIO(png_bytes(figure, WIDTH_PX))) for figure in figures]).save(
        PICTURE, optimize=True
    )


def stack(images: list[Image.Image]) -> Image.Image:
    """Stack pictures under one another at one width."""
    scaled = [
        image.convert("RGB").resize((WIDTH_PX, round(image.height * WIDTH_PX / image.width)))
        for image in images
    ]
    page = Image.new("RGB", (WIDTH_PX, sum(image.height for image in scaled)), "white")
    top = 0
    for image in scaled:
        page.paste(image, (0, top))
        top += image.height
    return page


if __name__ == "__main__":
    main()
