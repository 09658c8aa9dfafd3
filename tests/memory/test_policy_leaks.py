"""Whatever happens in a step with a memory policy, nothing of it stays behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import suppress

import pytest
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from twins import EXACT, assert_close, data, gathered, gradients, objective, part, twins

import passband as pb
from passband.memory.recipe import Step


def live() -> tuple[int, int]:
    """Bytes of all tensors, and steps of recipes, that are alive."""
    found = gc.get_objects()
    storages = [t.untyped_storage() for t in found if type(t) in (Tensor, nn.Parameter)]
    sizes = {storage._cdata: storage.nbytes() for storage in storages}
    return sum(sizes.values()), sum(type(each) is Step for each in found)


def failing(model: nn.Module, layer: int, fails: Iterator[bool]) -> RemovableHandle:
    """Let backward fail, while `fails` says so, where the gradient of a layer's output is known."""

    def check(grad: Tensor) -> None:
        if next(fails):
            raise KeyError("trouble")

    def watch(module: nn.Module, args: object, output: Tensor) -> None:
        output.register_hook(check)

    return part(model, layer).register_forward_hook(watch)


def interrupted(model: nn.Module, layer: int) -> None:
    """A backward pass that fails."""
    handle = failing(model, layer, iter([True]))
    with suppress(KeyError):
        objective(model, data(next(model.parameters()).dtype)).backward()
        raise AssertionError("it did not fail")
    handle.remove()
    model.zero_grad()


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("residual", EXACT),
        ("residual", pb.MemoryPolicy.unchanged_forward()),
        ("silu", pb.MemoryPolicy.bf16()),
    ],
    ids=str,
)
def test_memory_is_flat_over_two_hundred_steps(name: str, policy: pb.MemoryPolicy) -> None:
    """By reference counts alone; every fiftieth step an exception in the middle of backward."""
    _, model = twins(name, policy, dtype=torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
    x = data(torch.float32)[..., :8, :8].clone()
    measured = []
    gc.collect()
    gc.disable()
    try:
        for step in range(1, 201):
            optimizer.zero_grad()
            objective(model, x).backward()
            optimizer.step()
            if step % 50 == 0:
                interrupted(model, 1)
                measured.append(live())
    finally:
        gc.enable()
    assert len(set(measured)) == 1
    assert measured[0][1] == 0


@pytest.mark.parametrize("layer", range(4))
@pytest.mark.parametrize("name", ["residual", "silu"])
def test_after_an_exception_in_backward_the_next_step_is_right(name: str, layer: int) -> None:
    plain, small = twins(name)
    gradients(small.eval(), data())  # what is remembered of shapes is there from now on
    small.train()
    gc.collect()
    before = live()
    interrupted(small, layer)
    assert live() == before
    assert_close(gradients(small, data()), gradients(plain, data()))


def test_a_graph_of_which_backward_failed_may_be_asked_again() -> None:
    plain, small = twins("silu")
    for model in (plain, small):
        handle = failing(model, 0, iter([True, False]))
        loss = objective(model, data())
        with pytest.raises(KeyError, match="trouble"):
            loss.backward(retain_graph=True)
        model.zero_grad()
        loss.backward()
        handle.remove()
    assert_close(gathered(small), gathered(plain))


def test_refused_gradients_of_gradients_leave_the_model_as_it_was() -> None:
    plain, small = twins("residual")
    gradients(small.eval(), data())  # what is remembered of shapes is there from now on
    small.train()
    gc.collect()
    before = live()
    x = data().requires_grad_()
    with pytest.raises(RuntimeError, match="too little for gradients of gradients"):
        torch.autograd.grad(objective(small, x), x, create_graph=True)
    del x
    # Of a branch that it did not come to, PyTorch's engine lets go in the next backward pass.
    assert_close(gradients(small, data()), gradients(plain, data()))
    gc.collect()  # what the error's traceback held
    assert live() == before
    pb.memory.detach_(small)
    x = data().requires_grad_()
    torch.autograd.grad(objective(small, x), x, create_graph=True)
