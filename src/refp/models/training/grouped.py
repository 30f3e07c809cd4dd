"""Group networks of one shape into one, so that all members train together on a GPU.

Convolutions become grouped convolutions and batch normalisation has the channels of all members, so that
members are independent. The result equals that of the separate networks, with one launch per layer.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class GroupedLinear(nn.Module):
    """One linear layer per member: maps ``(n, k * inputs)`` to ``(n, k * outputs)``."""

    def __init__(self, weights: Tensor, biases: Tensor, members: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weights), nn.Parameter(biases)
        self.members = members

    def forward(self, x: Tensor) -> Tensor:
        """Apply each member's layer to its own columns."""
        # In reduced precision, dZ of 157 um and more would be rounded by 0.35 um.
        with torch.autocast(x.device.type, enabled=False):
            parts = x.to(self.weight.dtype).reshape(len(x), self.members, -1)
            weight = self.weight.reshape(self.members, -1, parts.shape[2])
            return torch.einsum("nki,koi->nko", parts, weight).flatten(1) + self.bias


def group_members(networks: Sequence[nn.Module]) -> nn.Module:
    """Group networks of one shape into one network.

    Parameters
    ----------
    networks
        ``k`` networks that map ``(n, c, y, x)`` to ``(n, outputs)``, made of convolutions, batch
        normalisation, linear layers and layers without weights.

    Returns
    -------
    Module
        Maps ``(n, k * c, y, x)`` to ``(n, k * outputs)``, members in their order. It reuses layers of
        the networks, which are modified.

    Raises
    ------
    TypeError
        If a network has weights in another type of layer.
    """
    first = networks[0]
    if isinstance(first, nn.Conv2d):
        return _group_convolutions([n for n in networks if isinstance(n, nn.Conv2d)])
    if isinstance(first, nn.BatchNorm2d):
        return _group_normalisations([n for n in networks if isinstance(n, nn.BatchNorm2d)])
    if isinstance(first, nn.Linear):
        weights, biases = (_joined(networks, name) for name in ("weight", "bias"))
        return GroupedLinear(weights, biases, len(networks))
    if next(first.parameters(recurse=False), None) is not None:
        raise TypeError(f"{type(first).__name__}: layers of this type cannot be grouped")
    for name, _ in list(first.named_children()):
        setattr(first, name, group_members([getattr(network, name) for network in networks]))
    return first


def member_state(grouped: Mapping[str, Tensor], member: int, members: int) -> dict[str, Tensor]:
    """Return the state of one member of a grouped network."""
    return {
        # The count of batches is common; all other tensors have the members along the first axis.
        name: tensor.chunk(members)[member].clone() if tensor.ndim else tensor.clone()
        for name, tensor in grouped.items()
    }


def _joined(networks: Sequence[nn.Module], name: str) -> Tensor:
    return torch.cat([getattr(network, name).detach() for network in networks])


def _group_convolutions(convolutions: Sequence[nn.Conv2d]) -> nn.Conv2d:
    first, k = convolutions[0], len(convolutions)
    whole = nn.Conv2d(
        k * first.in_channels,
        k * first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        stride=first.stride,  # type: ignore[arg-type]
        padding=first.padding,  # type: ignore[arg-type]
        dilation=first.dilation,  # type: ignore[arg-type]
        groups=k * first.groups,
        bias=first.bias is not None,
    ).to(first.weight.dtype)
    whole.weight = nn.Parameter(_joined(convolutions, "weight"))
    if first.bias is not None:
        whole.bias = nn.Parameter(_joined(convolutions, "bias"))
    return whole


def _group_normalisations(layers: Sequence[nn.BatchNorm2d]) -> nn.BatchNorm2d:
    first, k = layers[0], len(layers)
    whole = nn.BatchNorm2d(k * first.num_features, first.eps, first.momentum)
    whole.weight, whole.bias = (nn.Parameter(_joined(layers, name)) for name in ("weight", "bias"))
    whole.running_mean, whole.running_var = (
        _joined(layers, name) for name in ("running_mean", "running_var")
    )
    return whole
