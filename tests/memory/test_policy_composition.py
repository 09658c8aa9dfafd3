"""With a memory policy, a model may be run in all the ways in which a model is run."""

from __future__ import annotations

import copy
import io
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from networks import OTHERS
from torch import Tensor, nn
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.func import functional_call
from torch.nn.utils import parametrizations
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)
from twins import EXACT, assert_close, data, gathered, gradients, objective, twins

import passband as pb
from passband.memory import saved

Way = Callable[[nn.Module], list[Tensor]]


def over_three_micro_batches(model: nn.Module) -> list[Tensor]:
    for seed in range(3):
        objective(model, data(seed=seed)).backward()
    return gathered(model)


def twice_by_a_retained_graph(model: nn.Module) -> list[Tensor]:
    loss, parameters = objective(model, data()), list(model.parameters())
    once = torch.autograd.grad(loss, parameters, retain_graph=True)
    again = torch.autograd.grad(loss, parameters, retain_graph=True)
    assert all(map(torch.equal, once, again))
    return [*again, *torch.autograd.grad(loss, parameters)]


def by_parts_of_a_retained_graph(model: nn.Module) -> list[Tensor]:
    """Who asks for what is computed again differs from pass to pass."""
    loss, parameters = objective(model, data()), list(model.parameters())
    parts = parameters[:2], parameters[-3:], parameters
    return [g for p in parts for g in torch.autograd.grad(loss, p, retain_graph=True)]


def offloaded(model: nn.Module) -> list[Tensor]:
    with save_on_cpu(pin_memory=False):
        return gradients(model, data())


def through_numpy(model: nn.Module) -> list[Tensor]:
    with saved_tensors_hooks(lambda t: t.detach().numpy().copy(), torch.from_numpy):
        return gradients(model, data())


def siamese(model: nn.Module) -> list[Tensor]:
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = self.other = model

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.one(x) * self.other(x.flip(-1))
            return out

    both = Siamese()
    if pb.report(model).memory is not None:
        pb.convert_(both, None, memory=EXACT)
    return gradients(both, data())


def interleaved(model: nn.Module) -> list[Tensor]:
    other = copy.deepcopy(model)
    losses = [objective(m, data(seed=s)) for s in range(2) for m in (model, other)]
    for i in (1, 2, 0, 3):
        losses[i].backward()
    return [*gathered(model), *gathered(other)]


def in_two_threads(model: nn.Module) -> list[Tensor]:
    found: dict[int, list[Tensor]] = {}

    def run(number: int) -> None:
        for _ in range(5):
            y = model(data(seed=number))
            found[number] = list(torch.autograd.grad(y.square().sum(), list(model.parameters())))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found[0] + found[1]


def replicated(model: nn.Module) -> list[Tensor]:
    """As `nn.DataParallel` does: each module copied, with what is no parameter in their place."""
    copies = {m: m._replicate_for_data_parallel() for m in model.modules()}
    for m, replica in copies.items():
        for name, child in m._modules.items():
            replica._modules[name] = None if child is None else copies[child]
        for name, p in m._parameters.items():
            replica._parameters[name] = None
            if p is not None:
                replica.__dict__[name] = p * 1
        for name, b in m._buffers.items():
            replica._buffers[name] = None if b is None else b.clone()
    return list(torch.autograd.grad(objective(copies[model], data()), list(model.parameters())))


def with_backward_hooks(model: nn.Module) -> list[Tensor]:
    seen: list[Tensor] = []

    def see(module: nn.Module, inputs: Any, outputs: tuple[Tensor, ...]) -> None:
        seen.extend(outputs)

    handles = [m.register_full_backward_hook(see) for m in model.children()]
    found = gradients(model, data())
    for handle in handles:
        handle.remove()
    return found + seen


def with_given_parameters(model: nn.Module) -> list[Tensor]:
    given = {k: (1.5 * p.detach()).requires_grad_() for k, p in model.named_parameters()}
    loss = functional_call(model, given, (data(),)).square().sum()
    return list(torch.autograd.grad(loss, list(given.values())))


def with_parametrised_weights(model: nn.Module) -> list[Tensor]:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            parametrizations.weight_norm(module)
    return gradients(model, data())


def with_anomalies_detected(model: nn.Module) -> list[Tensor]:
    with torch.autograd.set_detect_anomaly(True):
        return gradients(model, data())


def of_a_gradient_in_the_forward_pass(model: nn.Module) -> list[Tensor]:
    class Guided(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Tensor) -> Tensor:
            x = x.detach().requires_grad_()
            (g,) = torch.autograd.grad(self.model(x).square().sum(), x)
            out: Tensor = self.model(x - 1e-3 * g)
            return out

    guided = Guided()
    if pb.report(model).memory is not None:
        pb.convert_(guided, None, memory=EXACT)
    loss = guided(data()).square().sum()
    return list(torch.autograd.grad(loss, list(model.parameters())))


def in_another_mode(model: nn.Module) -> list[Tensor]:
    with torch.device("cpu"):
        return gradients(model, data())


def recursive(model: nn.Module) -> list[Tensor]:
    class Recursive(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = next(model.children())
            self.rest = nn.Sequential(*model.children())

        def forward(self, x: Tensor, depth: int = 0) -> Tensor:
            out: Tensor
            with torch.device("cpu"):
                out = self(x / 2, depth + 1) + self.rest(x) if depth < 2 else self.rest(x)
            return out

    whole = Recursive()
    if pb.report(model).memory is not None:
        pb.convert_(whole, None, memory=EXACT)
    return gradients(whole, data())


def _checkpointed(model: nn.Module, **options: Any) -> list[Tensor]:
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.model.children():
                x = checkpoint(layer, x, **options)
            return x

    whole = Checkpointed()
    if pb.report(model).memory is not None:
        pb.convert_(whole, None, memory=EXACT)
    objective(whole, data().requires_grad_()).backward()
    return gathered(model)


def _save_convolutions(ctx: Any, op: Any, *args: Any, **options: Any) -> CheckpointPolicy:
    convolution = op is torch.ops.aten.convolution.default or op is torch.ops.aten.mm.default
    return CheckpointPolicy.MUST_SAVE if convolution else CheckpointPolicy.PREFER_RECOMPUTE


def checkpointed(model: nn.Module) -> list[Tensor]:
    return _checkpointed(model, use_reentrant=False)


def checkpointed_reentrant(model: nn.Module) -> list[Tensor]:
    return _checkpointed(model, use_reentrant=True)


def checkpointed_but_for_convolutions(model: nn.Module) -> list[Tensor]:
    contexts = partial(create_selective_checkpoint_contexts, _save_convolutions)
    return _checkpointed(model, use_reentrant=False, context_fn=contexts)


def checkpointed_and_offloaded(model: nn.Module) -> list[Tensor]:
    with save_on_cpu(pin_memory=False):
        return _checkpointed(model, use_reentrant=False)


WAYS: list[Way] = [
    over_three_micro_batches, twice_by_a_retained_graph, by_parts_of_a_retained_graph, offloaded,
    through_numpy, siamese, interleaved, in_two_threads, replicated, with_backward_hooks,
    with_given_parameters, with_parametrised_weights, with_anomalies_detected,
    of_a_gradient_in_the_forward_pass, in_another_mode, recursive, checkpointed,
    checkpointed_reentrant, checkpointed_but_for_convolutions, checkpointed_and_offloaded,
]  # fmt: skip


@pytest.mark.parametrize("name", ["residual", "dense", "silu"])
@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_gradients_are_those_without_it(way: Way, name: str) -> None:
    plain, small = twins(name)
    assert_close(way(small), way(plain))
    assert not _get_current_function_mode_stack()


@pytest.mark.parametrize("keep", [None, 0.5])
@pytest.mark.parametrize("name", OTHERS)
def test_what_it_does_not_know_it_leaves_alone(name: str, keep: float | None) -> None:
    plain, small = twins(name, keep=keep)
    assert_close(in_another_mode(small), in_another_mode(plain))
    assert_close(gradients(small.eval(), data()), gradients(plain.eval(), data()))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled(backend: str) -> None:
    plain, small = twins("silu")
    torch._dynamo.reset()
    run = torch.compile(small, backend=backend)
    for seed in range(2):
        loss = run(data(seed=seed)).square().sum()
        found = torch.autograd.grad(loss, list(small.parameters()))
        loss = plain(data(seed=seed)).square().sum()
        assert_close(list(found), list(torch.autograd.grad(loss, list(plain.parameters()))))


def test_evaluation_and_training_before_one_backward_pass() -> None:
    """PyTorch's own batch norm reads running statistics when backward comes: of the later pass."""
    plain, small = twins("residual")
    evaluated = gradients(copy.deepcopy(plain).eval(), data())[1:]
    trained = gradients(plain, data(seed=1))[1:]
    (objective(small.eval(), data()) + objective(small.train(), data(seed=1))).backward()
    assert_close(gathered(small), [a + b for a, b in zip(evaluated, trained, strict=True)])


def test_tensors_held_on_disk(tmp_path: Path) -> None:
    plain, small = twins("dense")
    count = 0

    def pack(t: Tensor) -> Path:
        nonlocal count
        count += 1
        torch.save(t, tmp_path / f"{count}")
        return tmp_path / f"{count}"

    with saved_tensors_hooks(pack, torch.load):
        found = gradients(small, data())
    assert_close(found, gradients(plain, data()))


def test_the_policy_of_a_part_is_the_parts() -> None:
    """Spectra of two layers: one in float32, one in bfloat16; whichever was attached first."""
    for first in (0, 1):
        layers = [nn.Sequential(nn.Conv2d(4, 4, 3, padding=1)) for _ in range(2)]
        model = nn.Sequential(*layers)
        pb.convert_(model, pb.Band(modes=5), memory=EXACT)
        pb.convert_(layers[first], None, memory=pb.MemoryPolicy.bf16())
        numbers = 1 + 9 * 9  # of a half spectrum of 5 modes an axis, on rings of 17
        x = torch.randn(2, 4, 16, 16)
        assert saved(partial(model, x)).total == 2 * 4 * numbers * (4 + 2)
        pb.convert_(model, None, memory=EXACT)
        assert saved(partial(model, x)).total == 2 * 4 * numbers * (4 + 4)


def test_a_step_before_backward_is_noticed_as_pytorch_notices_it() -> None:
    for model in twins("silu"):
        loss = objective(model, data())
        loss.backward(retain_graph=True)
        torch.optim.SGD(model.parameters(), lr=0.1).step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
        objective(model, data()).backward()


def test_a_moving_average_of_a_model() -> None:
    plain, small = (torch.optim.swa_utils.AveragedModel(m) for m in twins("residual"))
    for average in (plain, small):
        model = average.module
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for seed in range(3):
            optimizer.zero_grad()
            objective(model, data(seed=seed)).backward()
            optimizer.step()
            average.update_parameters(model)
    assert_close(gradients(small, data()), gradients(plain, data()))
    assert pb.report(small.module).memory == EXACT


def test_a_whole_model_in_a_file() -> None:
    plain, small = twins("residual")
    file = io.BytesIO()
    torch.save(small, file)
    file.seek(0)
    back = torch.load(file, weights_only=False)
    assert pb.report(back).memory == EXACT
    assert_close(gradients(back, data()), gradients(plain, data()))


@pytest.mark.filterwarnings("ignore:`torch.jit.")
def test_traced_it_is_pytorchs_and_scripting_is_refused() -> None:
    plain, small = (model.eval() for model in twins("residual", keep=None))
    traced = torch.jit.trace(small, data())
    assert torch.equal(traced(data(seed=1)), plain(data(seed=1)))
    whole = nn.Sequential(small)
    with pytest.raises(RuntimeError, match="take it off"):
        torch.jit.script(whole)
    pb.memory.detach_(whole)
    assert torch.equal(torch.jit.script(whole)(data()), plain(data()))
