"""Speed: its section of docs/accuracy.md."""

from typing import Any

from benchmarks.pages.text import table


def _differences(kernel: dict[str, float]) -> str:
    names = ("center_difference_px", "slope_difference_percent")
    center, slope = (kernel[f"largest_{name}"] for name in names)
    intensity = kernel["largest_center_intensity_difference_percent"]
    return f"{center:.4f} px; {slope:.2f} %; {intensity:.3f} %"


def speed_part(speed: dict[str, Any]) -> str:
    """Return the table of ratios and times."""
    plane, kernel, start = speed["plane"], speed["kernel"], speed["start"]
    two, memory = speed["two_cores"], speed["memory"]
    rows = [
        [
            (
                f"`refp plane`'s work on {plane['frames']} frames, reading included, over one "
                "`scipy.ndimage.gaussian_filter` pass (sigma 2, float32), one core each"
            ),
            f"{plane['ratio']:.1f} times",
            "at most 8",
        ],
        [
            "centre and radial spline of one bead, one core",
            f"{kernel['kernel_ms_per_bead']:.2f} ms",
            "at most 0.25 ms",
        ],
        [
            "scipy's smoothing spline with Nelder-Mead on the same tiles",
            f"{kernel['ratio']:.0f} times slower",
            "",
        ],
        [
            "largest difference from it on these tiles: centre; SS; CI",
            _differences(kernel),
            "0.02 px; 1 %; 1 %",
        ],
        [
            "`refp plane`, one process against two",
            f"{two['ratio']:.2f} times faster",
            "near 2",
        ],
        *(
            [
                f"peak memory of `refp plane`, {row['frames']} frames",
                f"{row['peak_mb']:.0f} MB",
                "1 GB",
            ]
            for row in memory["rows"]
        ),
        ["`refp --help` in a fresh process", f"{start['help_s']:.2f} s", "at most 0.7 s"],
    ]
    return table(["what", "measured", "bar"], rows)
