"""Name of the training device."""

import torch


def device_name() -> str:
    """Return the GPU's name, or ``CPU``."""
    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else "CPU"
