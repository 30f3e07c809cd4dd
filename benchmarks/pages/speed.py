"""Speed: its section of docs/accuracy.md."""

from typing import Any

from benchmarks.pages.text import number, table


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


def simulate_part(speed: dict[str, Any]) -> list[str]:
    """Return what simulating takes, and whether the machine did something else meanwhile."""
    if not speed:
        return []
    parts = [part for name, part in speed.items() if name != "conditions"]
    least = min(min(part["cores"]) for part in parts)
    busy = (
        f"The machine was busy: two processes together got as little as {number(least)} cores, "
        "so times are upper bounds."
    )
    quiet = all(part["undisturbed"] for part in parts)
    measured = {name: part["measured"] for name, part in speed.items() if name != "conditions"}
    rows = table(["what", "measured"], _simulate_rows(**measured))
    return ["### Simulating", *([] if quiet else [busy]), rows]


def _simulate_rows(
    frame: dict[str, float], maps: list[dict[str, Any]], table1: dict[str, float]
) -> list[list[str]]:
    over = "the same over one `scipy.ndimage.gaussian_filter` pass of it (sigma 2, float32)"
    of_table1 = (
        f"`refp simulate --like table1`, {table1['frames']} frames, {table1['jobs']} processes"
    )
    return [
        [
            f"a frame of 640x480, {frame['beads']} beads, one core",
            f"{1e3 * frame['frame_s']:.0f} ms",
        ],
        [over, f"{frame['ratio']:.1f} times"],
        *(
            [
                f"how beads look on `{row['instrument']}`, computed once, {row['jobs']} processes",
                f"{row['seconds']:.0f} s",
            ]
            for row in maps
        ),
        [f"{of_table1}, that known", f"{table1['maps_there_s']:.0f} s"],
        [f"{of_table1}, from nothing", f"{table1['empty_cache_s']:.0f} s"],
    ]
