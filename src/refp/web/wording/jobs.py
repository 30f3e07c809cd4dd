"""Texts of jobs: kind, state, progress, remedy."""

from collections.abc import Sequence

from refp.web.job import Job, Live

KINDS = {
    "plane": "Define reference planes",
    "train": "Train a model",
    "adapt": "Adapt a model",
    "demo": "Simulate example sweeps",
    "audit": "Audit an archive",
}
STATES = {
    "queued": "queued",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}
UNITS = {
    "measuring": "frame",
    "placing": "frame",
    "checking": "file",
    "adapting": "data set",
    "auditing": "file",
    "Simulating": "image",
}
"""Unit of the steps of a stage, by the first word of its name."""
REMEDIES = {
    "data_error": "Correct the images or the form as the message states, and start the job again.",
    "recipe_error": "Choose the instrument in the form, or correct sweep.toml, and start the job again.",
    "outside_roots": "Copy the data into a root folder of the server, or upload them as an archive.",
    "output_error": "Choose another name, or free space on the server, and start the job again.",
    "model_error": "Choose another model, and start the job again.",
    "history_error": "Ask the administrator of the server to check its database, then start the job again.",
    "missing_extra_error": "Ask the administrator of the server to install the missing library.",
    "memory_error": "Use fewer or smaller images, or a machine with more memory.",
    "name_taken": "Choose another name, and start the job again.",
    "work_limit": "Start the job again with fewer or smaller images.",
    "worker_lost": "Start the job again; if it fails again, use less data or a machine with more memory.",
    "interrupted": "Start the job again when the server will not be stopped.",
    "internal_error": "Report the error with the output of the server.",
}
"""Remedy of a failed job, by its code."""


def describe_kind(kind: str) -> str:
    """Return the name of a kind of job."""
    return KINDS[kind]


def describe_state(job: Job) -> str:
    """Return the state of a job."""
    again = job.starts > (0 if job.state == "queued" else 1)
    if job.state in ("queued", "running") and again:
        return f"{STATES[job.state]}, restarted"
    return STATES[job.state]


def describe_remedy(code: str) -> str:
    """Return the remedy of a failure."""
    return REMEDIES.get(code, "Correct the cause that the message names, and start the job again.")


def describe_progress(live: Live) -> str:
    """Return the progress of a job: ``measuring monday, frame 120 of 486, about 20 s left``."""
    if not live.stage:
        return "starting"
    unit = UNITS.get(live.stage.partition(" ")[0], "step")
    text = f"{live.stage}, {unit} {live.done} of {live.total}"
    if live.done == live.total:
        return f"{text}, finishing"
    left_s = live.left_s
    return text if left_s is None else f"{text}, about {describe_time(left_s)} left"


def describe_earlier_times(took_s: Sequence[float]) -> str:
    """Return the times of earlier jobs on this server: ``30 s``, or ``30 s to 2 min``; empty without."""
    if not took_s:
        return ""
    shown = dict.fromkeys(describe_time(value) for value in (min(took_s), max(took_s)))
    return " to ".join(shown)


def describe_time(left_s: float) -> str:
    """Return a time, rounded to seconds, minutes or tenths of an hour."""
    if left_s < 90:
        return f"{max(round(left_s), 1)} s"
    if left_s < 5400:
        return f"{round(left_s / 60)} min"
    return f"{left_s / 3600:.1f} h"
