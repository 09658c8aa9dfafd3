"""A memory policy changes what is held, and nothing else."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from networks import NETWORKS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from twins import EXACT, assert_close, data, gathered, gradients, network, objective, part, twins

import passband as pb
from passband.lab.models import create_model
from passband.memory import saved


@pytest.mark.parametrize("keep", [None, 0.5, 0.2, 1.0])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_buffers_and_gradients_are_those_without_it(name: str, keep: float | None) -> None:
    plain, small = twins(name, keep=keep)
    assert torch.equal(objective(plain, data()), objective(small, data()))
    assert_close(gradients(small, data(seed=2)), gradients(plain, data(seed=2)))
    assert_close(list(small.buffers()), list(plain.buffers()), 1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_in_evaluation_mode_too(name: str) -> None:
    plain, small = twins(name)
    plain.eval(), small.eval()
    assert_close(gradients(small, data()), gradients(plain, data()))


@pytest.mark.parametrize("name", NETWORKS)
def test_in_channels_last_too(name: str) -> None:
    plain, small = twins(name)
    x = data().to(memory_format=torch.channels_last)
    small.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert_close(gradients(small, x), gradients(plain, x))


def test_gradients_of_gradients_are_refused() -> None:
    _, small = twins("vgg")
    x = data().requires_grad_()
    with pytest.raises(RuntimeError, match="too little for gradients of gradients"):
        torch.autograd.grad(objective(small, x), x, create_graph=True)


def test_bytes_of_a_block_by_formula() -> None:
    """Of conv, norm and ReLU: the kept half spectrum, two numbers a channel, a bit an element."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
    )  # fmt: skip
    pb.convert_(model, pb.Band(modes=5), memory=EXACT)
    x = torch.randn(2, 4, 16, 16)
    held = saved(lambda: model(x)).by_kind
    numbers = 1 + 9 * 9  # of a half spectrum of 5 modes an axis, on rings of 17
    assert held["conv input"] == 2 * (4 + 8) * numbers * 4
    assert held["norm"] == 2 * 2 * 8 * 4
    assert held["activation"] == 2 * 2 * 8 * 256 // 8
    assert held["other"] == 0


@pytest.mark.parametrize(("keep", "most"), [(0.5, 43.0), (0.25, 28.0)])
def test_bytes_of_resnet18(keep: float, most: float) -> None:
    """32 images of 32x32: 143.5 MiB without, the must is 50 and 36 MiB."""
    torch.manual_seed(0)
    model = create_model("resnet18", num_classes=10, in_channels=3)
    x = torch.randn(32, 3, 32, 32)
    assert saved(lambda: model(x)).total > 143 * 2**20
    pb.convert_(model, pb.Band(keep=keep), memory=EXACT)
    assert saved(lambda: model(x)).total < most * 2**20


@pytest.mark.parametrize("name", NETWORKS)
def test_less_is_held(name: str) -> None:
    plain = network(name, keep=None, dtype=torch.float32)
    small = copy.deepcopy(plain)
    pb.convert_(small, pb.Band(keep=0.25), memory=EXACT)
    x = torch.randn(8, 3, 32, 32)
    assert saved(lambda: small(x)).total < saved(lambda: plain(x)).total / 2.5


def test_loss_curves_over_fifty_steps() -> None:
    """To rounding, which training in float64 keeps small."""
    plain, small = twins("residual")

    def losses(model: nn.Module) -> list[float]:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        found = []
        for step in range(50):
            x = data(seed=step)
            target = (x[:, 0].mean((1, 2)) > 0).long()
            loss = F.cross_entropy(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    torch.testing.assert_close(losses(small), losses(plain), rtol=1e-6, atol=1e-9)


def test_autocast() -> None:
    plain, small = twins("residual", dtype=torch.float32)
    x = data(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        expected, found = objective(plain, x), objective(small, x)
    assert torch.equal(found, expected)
    for model, loss in ((plain, expected), (small, found)):
        loss.backward()
        assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())
    each = [
        torch.cat([p.grad.flatten() for p in m.parameters() if p.grad is not None])
        for m in (plain, small)
    ]
    assert (each[0] - each[1]).norm() < 0.03 * each[0].norm()  # bfloat16 has 8 bits


@pytest.mark.parametrize("reentrant", [False, True])
def test_activation_checkpointing(reentrant: bool) -> None:
    class Checkpointed(nn.Module):
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Tensor) -> Tensor:
            assert isinstance(self.model, nn.Sequential)
            for layer in self.model:
                x = checkpoint(layer, x, use_reentrant=reentrant)
            return x

    plain, small = twins("residual")
    wrapped = Checkpointed(small)
    pb.convert_(wrapped, None, memory=EXACT)
    for model in (wrapped, plain):
        objective(model, data().requires_grad_()).backward()
    assert_close(gathered(wrapped), gathered(plain))


def test_saved_tensor_hooks_and_offloading() -> None:
    plain, small = twins("residual")
    with torch.autograd.graph.save_on_cpu():
        found = gradients(small, data())
    assert_close(found, gradients(plain, data()))


def test_retained_graphs_and_accumulation() -> None:
    plain, small = twins("silu")
    for model in (plain, small):
        loss = objective(model, data())
        loss.backward(retain_graph=True)
        loss.backward()
    assert_close(gathered(small), gathered(plain))


def test_a_part_of_the_gradients() -> None:
    plain, small = twins("silu")
    for model in (plain, small):
        for p in list(model.parameters())[::2]:
            p.requires_grad_(False)

    def some(model: nn.Module) -> list[Tensor]:
        wanted = [p for p in model.parameters() if p.requires_grad]
        return list(torch.autograd.grad(objective(model, data()), wanted))

    assert_close(some(small), some(plain))


def test_a_parameter_that_was_written_to_is_noticed() -> None:
    _, small = twins("residual")
    loss = objective(small, data())
    with torch.no_grad():
        next(part(small, 1).parameters()).add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_without_gradients_nothing_is_done() -> None:
    plain, small = twins("residual")
    with torch.no_grad():
        assert torch.equal(plain(data()), small(data()))
    with torch.inference_mode():
        assert small(data()).shape == (4, 4)


def test_nothing_stays_after_a_step() -> None:
    _, small = twins("silu")
    x = data()
    seen: list[weakref.ref[Tensor]] = []

    def see(module: nn.Module, args: Any, output: Tensor) -> None:
        seen.append(weakref.ref(output))

    for module in small.modules():
        module.register_forward_hook(see)
    objective(small, x).backward()
    gc.collect()
    assert not [ref for ref in seen if ref() is not None]


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_after_an_exception_all_is_as_before(where: str) -> None:
    plain, small = twins("residual")

    class Trouble(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            if where == "forward":
                raise KeyError("trouble")
            return x.clone()

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            raise KeyError("trouble")

    def trouble(module: nn.Module, args: Any) -> Any:
        return Trouble.apply(*args)  # type: ignore[no-untyped-call]

    handle = part(small, 1).register_forward_pre_hook(trouble)
    with pytest.raises(KeyError, match="trouble"):
        objective(small, data()).backward()
    handle.remove()
    small.zero_grad()
    from torch.overrides import _get_current_function_mode_stack

    assert not _get_current_function_mode_stack()
    for model in (plain, small):
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
    assert_close(gradients(small, data()), gradients(plain, data()))


def test_copies_and_pickles_keep_the_policy() -> None:
    plain, small = twins("residual")
    twin = copy.deepcopy(small)
    back = pickle.loads(pickle.dumps(small))
    for model in (twin, back):
        assert pb.report(model).memory == EXACT
        assert saved(partial(model, data())).total == saved(lambda: small(data())).total
        assert_close(gradients(model, data()), gradients(plain, data()))
    pb.revert_(twin)
    assert pb.report(twin).memory is None
    assert pb.report(small).memory == EXACT
    buffer = io.BytesIO()
    torch.save(small.state_dict(), buffer)
    assert list(small.state_dict()) == list(plain.state_dict())


def test_a_feature_map_can_be_saved() -> None:
    _, small = twins("residual")
    y = part(small, 0)(data())
    torch.save(y, io.BytesIO())


def test_reverting_takes_it_off() -> None:
    plain = network("residual", keep=None)
    small = copy.deepcopy(plain)
    pb.convert_(small, pb.Band(keep=0.5), memory=EXACT)
    pb.revert_(small)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in small.modules())
    assert saved(lambda: small(data())).total == saved(lambda: plain(data())).total


def test_converting_twice_changes_nothing_more() -> None:
    _, small = twins("residual")
    before = [len(m._forward_hooks) for m in small.modules()]
    pb.convert_(small, pb.Band(keep=0.5), memory=EXACT)
    assert [len(m._forward_hooks) for m in small.modules()] == before


def test_the_report_says_it() -> None:
    report = pb.convert_(network("vgg", keep=None), None, memory=pb.MemoryPolicy.bf16())
    lines = str(report).splitlines()
    assert lines[-2:] == [
        "0 of 2 convolutions are band-limited",
        "memory policy: spectra in bfloat16",
    ]
    assert "left alone: no band is given" in lines[1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: pb.convert_(m, None), TypeError, "give a band, a memory policy, or both"),
        (lambda m: pb.convert_(m, None, memory="exact"), TypeError, "memory is a MemoryPolicy"),  # type: ignore[arg-type]
        (lambda m: pb.MemoryPolicy(spectra="int4"), ValueError, "spectra is one of"),  # type: ignore[arg-type]
        (lambda m: pb.MemoryPolicy(bits=3.0), ValueError, "bits is one of .*; got 3.0"),  # type: ignore[arg-type]
        (lambda m: pb.MemoryPolicy(basis="db4"), ValueError, "basis is one of"),  # type: ignore[arg-type]
    ],
)
def test_errors(call: Callable[[nn.Module], Any], error: type[Exception], message: str) -> None:
    model = network("vgg", keep=None)
    with pytest.raises(error, match=message):
        call(model)
    assert not any(m._forward_hooks for m in model.modules())


def test_the_gradient_error_of_bfloat16_spectra() -> None:
    plain, small = twins("residual", pb.MemoryPolicy.bf16())
    x = data()
    assert torch.equal(objective(plain, x), objective(small, x))
    found, expected = (torch.cat([g.flatten() for g in gradients(m, x)]) for m in (small, plain))
    assert 1e-5 < (found - expected).norm() / expected.norm() < 2**-7
