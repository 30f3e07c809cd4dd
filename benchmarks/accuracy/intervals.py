"""Count how often intervals of single images hold the truth: ``python -m benchmarks.accuracy.intervals``.

Instruments are simulated with :mod:`refp.synthetic`, each with optics, light, camera, beads, heights and
tilt of its own. Each trains the default family and the look-up on two fields, and is then asked about new
fields of the same instrument, at places and exposures that it was not trained at. Beside these, the
twin's test sets. The truth is counted from the field's plane by the definition, of its beads without
noise.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import HERE, conditions
from benchmarks.accuracy.asking import Answer, Picture, ask, count, dz_range_um
from benchmarks.accuracy.fields import REFP_UM, SCENE, pictures_of, spread_shots
from benchmarks.accuracy.instruments import draw_instrument
from benchmarks.accuracy.models import simulated_model, twin_model
from benchmarks.accuracy.twin import TESTS, frames
from refp.core.files import write_json
from refp.core.parallel import Workers, default_jobs
from refp.settings import FamilyName, Instrument
from refp.synthetic import SceneSettings, SimulationSettings

SIX = 6
N_SETS, N_FIELDS, N_PLACES = 4, 12, 12
BEADS: dict[FamilyName, tuple[int | None, ...]] = {
    "profile": (3, SIX, 10, None),
    "lookup": (SIX, None),
}
TRAINING_EXPOSURES_MS, TEST_EXPOSURES_MS = (9.0, 18.0), (9.0, 14.0)
END_UM = 8.0
"""Places keep off the ends of the trained range, where an interval that reaches out is refused."""
N_FIFTHS = 5


@dataclass(frozen=True)
class Asked:
    """An answer with what the tables are made by."""

    answer: Answer
    group: str
    field: int
    fifth: int
    exposure_ms: float
    beads: int | str
    family: FamilyName


def drawn(number: int) -> tuple[Instrument, SimulationSettings]:
    """Draw an instrument and its training sweeps."""
    rng = np.random.default_rng([41, number])
    instrument = draw_instrument(rng, serial=number)
    scene = SceneSettings(
        **SCENE,
        height_sd_um=rng.uniform(0.5, 1.5),
        tilt_sd_um_per_px=rng.uniform(0.001, 0.005),
        uneven_light=rng.uniform(0.01, 0.06),
    )
    settings = SimulationSettings(
        scene=scene,
        refp_um=(REFP_UM,),
        n_fov=2,
        z_start_um=REFP_UM - 150.0 + round(rng.uniform(-5, 5), 2),
        z_stop_um=REFP_UM + 156.0,
        z_step_um=7.5,
        exposures_ms=TRAINING_EXPOSURES_MS,
    )
    return instrument, settings


def fifth(dz_um: float, range_um: tuple[float, float]) -> int:
    """Return in which fifth of a range a place lies, 1 to 5."""
    low, high = range_um
    return int(np.clip((dz_um - low) / (high - low) * N_FIFTHS, 0, N_FIFTHS - 1)) + 1


def ask_simulated(number: int, n_fields: int, workers: Workers) -> list[Asked]:
    """Train on a simulated instrument and ask about its new fields."""
    instrument, settings = drawn(number)
    asked = []
    for family, beads in BEADS.items():
        model = simulated_model(instrument, settings, number, family).path
        range_um = dz_range_um(model)
        low, high = range_um[0] + END_UM, range_um[1] - END_UM
        shots = spread_shots(number, n_fields, (low, high), N_PLACES, TEST_EXPOSURES_MS)
        pictures = pictures_of(shots, instrument, settings.scene, workers)
        for n in beads:
            answers = ask(model, pictures, workers, n)
            asked += [
                Asked(
                    *(answer, f"instrument {number + 1}", shot.field),
                    *(fifth(shot.dz_um, range_um), shot.exposure_ms, n or "all", family),
                )
                for answer, shot in zip(answers, shots, strict=True)
            ]
    return asked


def ask_twin(workers: Workers) -> list[Asked]:
    """Ask about the twin's test images inside the trained range."""
    asked = []
    for training, tests in TESTS.items():
        for family in BEADS:
            model = twin_model(training, family).path
            low, high = dz_range_um(model)
            for i, test in enumerate(tests):
                known = [(f, dz) for f, dz in frames(test) if low <= dz <= high]
                pictures = [Picture(f.path.name, f.read, dz) for f, dz in known]
                span = min(dz for _, dz in known), max(dz for _, dz in known)
                for n in (SIX, None):
                    answers = ask(model, pictures, workers, n)
                    asked += [
                        Asked(a, test, i, fifth(dz, span), f.key.exposure_ms, n or "all", family)
                        for a, (f, dz) in zip(answers, known, strict=True)
                    ]
    return asked


def table(asked: Sequence[Asked], key: Callable[[Asked], object]) -> list[dict[str, object]]:
    """Return a row of counts for each family, number of beads and value of a key."""
    rows = []
    for family in BEADS:
        for beads in dict.fromkeys(a.beads for a in asked if a.family == family):
            part = [a for a in asked if a.family == family and a.beads == beads]
            head = {"family": family, "beads": beads}
            rows += [
                {**head, "of": value, **_counts([a for a in part if key(a) == value])}
                for value in sorted({key(a) for a in part})
            ]
    return rows


def _counts(asked: Sequence[Asked]) -> dict[str, object]:
    """Count; images of a field err together, so the standard error is that of fields."""
    counts = count([a.answer for a in asked])
    counts.pop("reasons")
    fields: dict[tuple[str, int], list[bool]] = {}
    for a in asked:
        if not a.answer.code:
            fields.setdefault((a.group, a.field), []).append(a.answer.held)
    shares = [np.mean(held) for held in fields.values()]
    error = np.std(shares, ddof=1) / np.sqrt(len(shares)) if len(shares) > 1 else np.nan
    return {**counts, "fields": len(fields), "within_interval_u": float(error)}


def tables(asked: Sequence[Asked]) -> dict[str, list[dict[str, object]]]:
    """Return all tables of a set of answers."""
    return {
        "all": table(asked, lambda _: "all"),
        "by_fifth": table(asked, lambda a: a.fifth),
        "by_exposure": table(asked, lambda a: a.exposure_ms),
        "by_set": table(asked, lambda a: a.group),
    }


def images(asked: Sequence[Asked]) -> list[dict[str, object]]:
    """Return a row for each image that was estimated from six beads."""
    return [
        {
            "test": a.group,
            "family": a.family,
            "exposure_ms": a.exposure_ms,
            "dz_true_um": a.answer.dz_true_um,
            "error_um": a.answer.error_um,
            "half_width_um": (a.answer.upper_um - a.answer.lower_um) / 2,
            "reason": a.answer.code,
        }
        for a in asked
        if a.beads == SIX
    ]


def main() -> None:
    """Write intervals.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=N_SETS, help="simulated instruments")
    parser.add_argument("--fields", type=int, default=N_FIELDS, help="new fields of each")
    options = parser.parse_args()
    asked: list[Asked] = []
    with Workers(default_jobs()) as workers:
        for number in range(options.sets):
            asked += ask_simulated(number, options.fields, workers)
            _print(f"instrument {number + 1}", asked[-1:] and tables(asked)["by_set"])
        of_twin = ask_twin(workers)
    simulated, twin = tables(asked), tables(of_twin)
    _print("simulated", simulated["all"] + simulated["by_fifth"])
    _print("twin", twin["by_set"])
    result = {"sets": options.sets, "fields": options.fields, "places": N_PLACES}
    write_json(
        {
            "conditions": conditions(
                "images simulated by refp.synthetic; images of the shared twin"
            ),
            **result,
            "simulated": simulated,
            "twin": twin,
            "images": images(of_twin),
        },
        HERE / "accuracy" / "intervals.json",
    )


def _print(title: str, rows: Sequence[dict[str, object]]) -> None:
    print(title)
    for row in rows:
        values = (f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values())
        print("  ", " | ".join(values), flush=True)


if __name__ == "__main__":
    main()
