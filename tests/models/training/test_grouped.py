"""A grouped network equals its separate members."""

import copy

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from monai.networks.nets import resnet18  # noqa: E402

from refp.models.training.grouped import group_members, member_state  # noqa: E402

K = 3


def make(seed: int) -> "torch.nn.Module":
    torch.manual_seed(seed)
    net = resnet18(spatial_dims=2, n_input_channels=1, num_classes=1, conv1_t_stride=2)
    return net.double()


@pytest.fixture(scope="module")
def separate() -> "list[torch.nn.Module]":
    return [make(seed) for seed in range(K)]


def some_input() -> "torch.Tensor":
    generator = torch.Generator().manual_seed(1)
    return torch.rand(4, K, 32, 32, dtype=torch.float64, generator=generator)


def test_forward_backward_and_statistics_are_equal(separate: "list[torch.nn.Module]") -> None:
    single = [copy.deepcopy(net).train() for net in separate]
    whole = group_members([copy.deepcopy(net) for net in separate]).train()
    grouped = whole(some_input())
    each = torch.cat([net(some_input()[:, [m]]) for m, net in enumerate(single)], dim=1)
    assert grouped.shape == (4, K)
    torch.testing.assert_close(grouped, each, atol=1e-12, rtol=0)
    grouped.square().sum().backward()
    each.square().sum().backward()
    gradients = {name: p.grad for name, p in whole.named_parameters()}
    for m, net in enumerate(single):
        mine = member_state(gradients, m, K)
        for name, parameter in net.named_parameters():
            torch.testing.assert_close(mine[name], parameter.grad, atol=1e-10, rtol=1e-8)
        state = member_state(whole.state_dict(), m, K)
        for name, tensor in net.state_dict().items():
            torch.testing.assert_close(state[name], tensor, atol=1e-12, rtol=0, check_dtype=False)


def test_an_extracted_member_predicts_as_in_the_group(separate: "list[torch.nn.Module]") -> None:
    whole = group_members([copy.deepcopy(net) for net in separate]).eval()
    member = make(9)
    member.load_state_dict(member_state(whole.state_dict(), 1, K))
    with torch.no_grad():
        inside = whole(some_input())[:, [1]]
        outside = member.eval()(some_input()[:, [1]])
    torch.testing.assert_close(outside, inside, atol=1e-12, rtol=0)


def test_layers_of_another_type_are_refused() -> None:
    layers = [torch.nn.Sequential(torch.nn.LayerNorm(4)) for _ in range(2)]
    with pytest.raises(TypeError, match="LayerNorm: layers of this type"):
        group_members(layers)
