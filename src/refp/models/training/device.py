"""Name and precision of the training device."""

import torch


def has_bfloat16(device: str) -> bool:
    """Return whether a device multiplies in bfloat16; a CPU without it emulates it 20 times slower."""
    if device != "cpu":
        return True
    since_2_13 = getattr(torch.cpu, "get_capabilities", dict)
    capabilities: dict[str, object] = since_2_13()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def device_name() -> str:
    """Return the GPU's name, or ``CPU``."""
    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else "CPU"
