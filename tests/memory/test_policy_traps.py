"""What a memory policy could get wrong without a word, and code that it must leave alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import passband as pb

EXACT = pb.MemoryPolicy.exact()


class Net(nn.Module):
    """Three layers, and a forward pass that a test writes."""

    def __init__(self, run: Callable[[Net, Tensor], Tensor]) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)
        self.b = nn.Conv2d(7, 4, 3, padding=1)
        self.c = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


def a_part_of_a_concatenation_is_written_to(net: Net, x: Tensor) -> Tensor:
    h = net.a(x)
    y = torch.cat([h, x], 1)
    F.relu_(h)
    total: Tensor = net.b(y).square().sum() + h.sum()
    return total


def an_activation_in_place_after_a_concatenation(net: Net, x: Tensor) -> Tensor:
    h = net.a(x)
    y = torch.cat([h, h], 1)
    h = F.leaky_relu(h, 0.3, inplace=True)
    total: Tensor = net.norm(h).exp().sum() + y.square().sum()
    return total


def a_summand_is_used_again(net: Net, x: Tensor) -> Tensor:
    h = net.norm(net.a(x))
    y = net.c(F.silu(h))
    y += h
    total: Tensor = (y * F.silu(h)).sum() + net.norm(y).square().sum()
    return total


def a_layer_in_two_places(net: Net, x: Tensor) -> Tensor:
    h = net.norm(net.c(net.norm(net.a(x))))
    total: Tensor = F.gelu(net.c(h)).square().sum()
    return total


def other_names_of_arguments(net: Net, x: Tensor) -> Tensor:
    h = nn.MaxPool2d((2,))(net.a(x))
    total: Tensor = F.relu(torch.concatenate([h, h], axis=1)).square().sum()  # type: ignore[call-arg]
    return total


def a_checkpoint_of_a_closure(net: Net, x: Tensor) -> Tensor:
    h = net.a(x)
    y = checkpoint(lambda h: net.c(F.silu(net.norm(h))), h, use_reentrant=False)
    total: Tensor = F.relu(net.norm(y)).square().sum()
    return total


def a_checkpoint_of_each_layer(net: Net, x: Tensor) -> Tensor:
    h = net.a(x)
    for layer in (net.norm, nn.SiLU(), net.c, nn.ReLU()):
        h = checkpoint(layer, h, use_reentrant=False)
    total: Tensor = h.square().sum()
    return total


def a_checkpointed_sequence(net: Net, x: Tensor) -> Tensor:
    layers = nn.Sequential(net.a, net.norm, nn.ReLU(), net.c, nn.SiLU())
    out: Tensor = checkpoint_sequential(layers, 2, x, use_reentrant=False)
    total: Tensor = out.square().sum()
    return total


def flat_maps(net: Net, x: Tensor) -> Tensor:
    h = net.a(x).mean((2, 3))
    total: Tensor = F.gelu(F.layer_norm(h, (4,))).square().sum() + F.silu(h.sum()).square()
    return total


RUNS = [
    a_part_of_a_concatenation_is_written_to,
    an_activation_in_place_after_a_concatenation, a_summand_is_used_again, a_layer_in_two_places,
    other_names_of_arguments, a_checkpoint_of_a_closure, a_checkpoint_of_each_layer,
    a_checkpointed_sequence, flat_maps,
]  # fmt: skip


def gradients(net: nn.Module) -> list[Tensor]:
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    x.requires_grad_()
    wanted = [x, *net.parameters()]
    for tensor in wanted:
        tensor.grad = None
    net(x).backward()
    return [torch.zeros(1) if t.grad is None else t.grad for t in wanted]


@pytest.mark.parametrize("keep", [None, 0.5])
@pytest.mark.parametrize("run", RUNS)
def test_gradients_are_those_without_it(run: Callable[[Net, Tensor], Tensor], keep: Any) -> None:
    torch.manual_seed(0)
    plain = Net(run).double()
    if keep is not None:
        pb.convert_(plain, pb.Band(keep=keep))
    small = copy.deepcopy(plain)
    pb.convert_(small, None, memory=EXACT)
    expected = gradients(plain)
    largest = max(g.norm() for g in expected)
    for found, wanted in zip(gradients(small), expected, strict=True):
        assert (found - wanted).norm() <= 1e-9 * (wanted.norm() + 1e-3 * largest)


@pytest.mark.parametrize("run", [flat_maps, a_summand_is_used_again])
def test_a_lossy_policy_takes_maps_of_any_shape(run: Callable[[Net, Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    net = Net(run).double()
    pb.convert_(net, None, memory=pb.MemoryPolicy.unchanged_forward())
    assert all(g.isfinite().all() for g in gradients(net))


def test_gradients_of_gradients_of_linear_functions() -> None:
    net = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(48, 3), nn.Tanh()).double()
    twin = copy.deepcopy(net)
    pb.convert_(twin, None, memory=EXACT)

    def penalty(model: nn.Module) -> list[Tensor]:
        x = torch.linspace(-1, 1, 2 * 3 * 64, dtype=torch.float64).view(2, 3, 8, 8)
        x.requires_grad_()
        (g,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        return list(torch.autograd.grad(g.square().sum(), list(model.parameters())))

    torch.testing.assert_close(penalty(twin), penalty(net))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_forward_mode_and_function_transforms_see_pytorchs_functions() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).double()
    twin = copy.deepcopy(net)
    pb.convert_(twin, None, memory=EXACT)
    x, t = torch.randn(2, 2, 3, 6, 6, dtype=torch.float64)
    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(twin(forward_ad.make_dual(x, t))).tangent
        wanted = forward_ad.unpack_dual(net(forward_ad.make_dual(x, t))).tangent
    assert found is not None
    assert wanted is not None
    torch.testing.assert_close(found, wanted)


def test_compiled_models_are_right() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).double()
    twin = copy.deepcopy(net)
    pb.convert_(twin, None, memory=EXACT)
    torch._dynamo.reset()
    compiled = torch.compile(twin, backend="eager")
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(compiled(x), net(x))
    found = torch.autograd.grad(compiled(x).square().sum(), list(twin.parameters()))
    wanted = torch.autograd.grad(net(x).square().sum(), list(net.parameters()))
    torch.testing.assert_close(found, wanted)


def test_an_interrupted_pass_is_cleared_away_by_the_next() -> None:
    class Interrupt(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyboardInterrupt

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), Interrupt())
    pb.convert_(net, None, memory=EXACT)
    x = torch.randn(1, 3, 6, 6)
    with pytest.raises(KeyboardInterrupt):
        net(x)
    net[2] = nn.Identity()
    net(x)
    assert not _get_current_function_mode_stack()


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(3, 3, 3), nn.GroupNorm(1, 3), nn.SiLU(), nn.ReLU(), nn.MaxPool2d(2)]
)
@pytest.mark.parametrize("policy", [EXACT, pb.MemoryPolicy.unchanged_forward()], ids=str)
def test_empty_batches(layer: nn.Module, policy: pb.MemoryPolicy) -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3), copy.deepcopy(layer))
    pb.convert_(model, None, memory=policy)
    x = torch.zeros(0, 3, 16, 16, requires_grad=True)
    (g,) = torch.autograd.grad(model(x).sum(), x)
    assert g.shape == x.shape


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"running_mean": None, "running_var": None}, RuntimeError),
        ({"running_mean": torch.zeros(5), "running_var": torch.ones(5)}, RuntimeError),
        ({"running_mean": torch.zeros(2), "running_var": torch.ones(2)}, RuntimeError),
        ({"weight": torch.ones(5)}, RuntimeError),
        ({"training": True, "eps": 0.0}, ValueError),
    ],
)
def test_wrong_batch_norms_raise_as_pytorchs(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    class Norm(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            given = {"running_mean": torch.zeros(3), "running_var": torch.ones(3)} | arguments
            return torch.nn.functional.batch_norm(x, **given)

    model = nn.Sequential(nn.Conv2d(3, 3, 3), Norm())
    pb.convert_(model, None, memory=EXACT)
    with pytest.raises(error):
        model(torch.randn(2, 3, 8, 8))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_dropout_is_pytorchs_to_the_bit(dtype: torch.dtype) -> None:
    plain = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Dropout(0.3)).to(dtype)
    small = copy.deepcopy(plain)
    pb.convert_(small, None, memory=EXACT)
    x = torch.randn(2, 3, 8, 8, dtype=dtype)
    torch.manual_seed(1)
    expected = plain(x)
    torch.manual_seed(1)
    assert torch.equal(small(x), expected)


def test_a_sum_in_place_of_two_dtypes() -> None:
    """Computed again it would be of the wider one."""

    def run(net: Net, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            wide = net.norm(net.a(x)).float()
            y = net.c(torch.relu(wide))
            y += F.silu(wide)
            out: Tensor = net.c(F.gelu(net.norm(y)))
            return out

    net = Net(run)
    twin = copy.deepcopy(net)
    pb.convert_(twin, None, memory=EXACT)
    x = torch.randn(2, 3, 8, 8)
    found, expected = (
        torch.autograd.grad(n(x).float().square().sum(), n.a.weight)[0] for n in (twin, net)
    )
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-2 * expected.abs().max().item())


VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "itself": lambda t: t,
    "contiguous": lambda t: t.contiguous(),
    "view": lambda t: t.view(t.shape),
    "permute": lambda t: t.permute(0, 1, 3, 2),
}


@pytest.mark.parametrize("activation", [F.silu, F.elu, F.relu])
@pytest.mark.parametrize("view", VIEWS)
def test_activations_in_place_through_a_view_of_what_is_held(
    view: str, activation: Callable[..., Tensor]
) -> None:
    def run(net: Net, x: Tensor) -> Tensor:
        y = torch.cat([net.a(x), x], 1)  # the part is held
        v = net.a(x)
        z = torch.cat([v, x], 1)
        v = activation(VIEWS[view](v), inplace=True)
        out: Tensor = net.b(y).square().sum() + net.c(v).square().sum() + 0 * z.detach().sum()
        return out

    net = Net(run).double()
    twin = copy.deepcopy(net)
    pb.convert_(twin, None, memory=EXACT)
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    weights = [[n.a.weight, n.b.weight, n.c.weight] for n in (twin, net)]
    found, expected = (
        torch.autograd.grad(n(x), w) for n, w in zip((twin, net), weights, strict=True)
    )
    torch.testing.assert_close(found, expected)


def test_hooks_that_are_no_python_functions() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU())
    pb.convert_(model, None, memory=EXACT)
    with torch.autograd.graph.saved_tensors_hooks(torch.Tensor.clone, lambda t: t):
        model(torch.randn(2, 3, 8, 8)).sum().backward()


def test_a_policy_that_an_interrupt_left_in_force_is_taken_off() -> None:
    class Interrupted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyboardInterrupt

    model = nn.Sequential(nn.Conv2d(3, 3, 3), Interrupted())
    pb.convert_(model, None, memory=EXACT)
    with pytest.raises(KeyboardInterrupt):
        model(torch.randn(2, 3, 8, 8))
    pb.memory.detach_(model)
    assert _get_current_function_mode_stack() == []


def test_what_an_interrupt_left_in_force_touches_no_other_model() -> None:
    class Interrupted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyboardInterrupt

    def model(last: nn.Module) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 3, 3), nn.SiLU(), last)

    rough = pb.MemoryPolicy.unchanged_forward()
    broken, other, sound = model(Interrupted()), model(nn.Identity()), model(nn.Identity())
    x = torch.randn(2, 3, 8, 8)
    wanted = torch.autograd.grad(other(x).square().sum(), list(other.parameters()))
    saved = pb.memory.saved(lambda: other(x)).total
    for each, policy in ((broken, rough), (sound, EXACT)):
        pb.convert_(each, None, memory=policy)
    with pytest.raises(KeyboardInterrupt) as caught:
        broken(x)
    found = torch.autograd.grad(other(x).square().sum(), list(other.parameters()))
    assert all(map(torch.equal, found, wanted))
    assert pb.memory.saved(lambda: other(x)).total == saved
    sound(x)  # and it clears away what there was, though a traceback still knows of it
    assert caught.value.__traceback__ is not None
    assert _get_current_function_mode_stack() == []


def test_max_pooling_of_series() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Conv1d(3, 8, 5, padding=2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(3, 2, 1),
        nn.Conv1d(8, 8, 5, padding=2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2),
    ).double()  # fmt: skip
    small = copy.deepcopy(plain)
    pb.convert_(small, None, memory=EXACT)
    x = torch.randn(4, 3, 63, dtype=torch.float64)
    found, expected = (
        torch.autograd.grad(m(x).square().sum(), list(m.parameters())) for m in (small, plain)
    )
    torch.testing.assert_close(found, expected)
    assert 2 * pb.memory.saved(lambda: small(x)).total < pb.memory.saved(lambda: plain(x)).total
