"""Jobs in words, as the person who asked for one reads them."""

from refp.web.job import Job, Live

KINDS = {
    "plane": "Define reference planes",
    "train": "Train a model",
    "adapt": "Adapt a model",
    "demo": "Simulate sweeps to try",
}
STATES = {
    "queued": "waiting",
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
    "Simulating": "image",
}
"""What the steps of a stage are, by its first word."""
REMEDIES = {
    "data_error": "Put right what the sentence names in the images or in the form, and ask again.",
    "recipe_error": "Choose the instrument in the form, or put right what sweep.toml says, and ask again.",
    "outside_roots": "Copy the data into a folder that the server may read, or send them as an archive.",
    "output_error": "Choose another name, or make room on the server's disk, and ask again.",
    "model_error": "Choose another model, and ask again.",
    "history_error": "Ask whoever runs the server to look at its database, then ask again.",
    "missing_extra_error": "Ask whoever runs the server to install what is missing.",
    "memory_error": "Use fewer or smaller images, or a machine with more memory.",
    "name_taken": "Choose another name, and ask again.",
    "work_limit": "Ask again with fewer or smaller images.",
    "worker_lost": "Ask again; if it stays so, use less data or a machine with more memory.",
    "interrupted": "Ask again when the server is to stay up.",
    "internal_error": "Report it with the server's output; the data may be in order.",
}
"""What to do about a job that failed, by its code."""


def describe_kind(kind: str) -> str:
    """Say what a job does."""
    return KINDS[kind]


def describe_state(job: Job) -> str:
    """Say how a job stands in a word or two."""
    again = job.starts > (0 if job.state == "queued" else 1)
    if job.state in ("queued", "running") and again:
        return f"{STATES[job.state]}, taken up again"
    return STATES[job.state]


def describe_remedy(code: str) -> str:
    """Say what to do about a failure."""
    return REMEDIES.get(code, "Put right what the sentence names, and ask again.")


def describe_progress(live: Live) -> str:
    """Say how far a job is: ``measuring monday, frame 120 of 486, about 20 s left``."""
    if not live.stage:
        return "starting"
    unit = UNITS.get(live.stage.partition(" ")[0], "step")
    told = f"{live.stage}, {unit} {live.done} of {live.total}"
    if live.done == live.total:
        return f"{told}; what follows takes a moment"
    left_s = live.left_s
    return told if left_s is None else f"{told}, about {describe_time(left_s)} left"


def describe_time(left_s: float) -> str:
    """Say a time no more exactly than anybody waits."""
    if left_s < 90:
        return f"{max(round(left_s), 1)} s"
    if left_s < 5400:
        return f"{round(left_s / 60)} min"
    return f"{left_s / 3600:.1f} h"
