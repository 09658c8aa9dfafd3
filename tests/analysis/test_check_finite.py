"""The first layer that makes numbers that are not finite is named, and nothing else changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.analysis import check_finite

INF, NAN = float("inf"), float("nan")


class Log(nn.Module):
    """Whose output and gradient at 0 are not finite."""

    def forward(self, x: Tensor) -> Tensor:
        return x.log()


class Root(nn.Module):
    """Whose gradient at 0 is not finite, and whose value is."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sqrt()


class Residual(nn.Module):
    """Functional code around modules."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return {"y": [self.conv(self.function(x)) + x]}


def convolutions(keep: float | None = 0.5) -> nn.Sequential:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        nn.Sequential(nn.Conv2d(4, 2, 3, padding=1), nn.ReLU(inplace=True)),
    )  # fmt: skip
    if keep is not None:
        pb.convert_(model, pb.Band(keep=keep))
    return model


def spectral() -> nn.Sequential:
    return nn.Sequential(
        pb.nn.ToSpectrum(margin=1), pb.nn.SpecBlock2d(2, 4, 3, beta=0.1, norm=True),
        pb.nn.SpecBlock2d(4, 2, 3, beta=0.1), pb.nn.ToSpace(),
    )  # fmt: skip


MODELS: dict[str, Callable[[], nn.Sequential]] = {
    "plain": lambda: convolutions(None),
    "band": convolutions,
    "whole": lambda: convolutions(1.0),
    "spectral": spectral,
}


def hooks_of(model: nn.Module) -> list[int]:
    return [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]


@pytest.mark.parametrize("name", list(MODELS))
def test_finite_numbers_pass_and_nothing_changes(name: str) -> None:
    model, x = MODELS[name](), torch.randn(3, 2, 6, 5, requires_grad=True)
    before = hooks_of(model)

    def run() -> list[Tensor]:
        y = model.train()(x)
        return [y, *torch.autograd.grad(y.square().sum(), [x, *model.parameters()])]

    wanted = run()
    with check_finite(model):
        found = run()
    assert all(map(torch.equal, found, wanted))
    assert hooks_of(model) == before


@pytest.mark.parametrize(
    ("name", "parameter", "where", "kind"),
    [
        ("plain", "3.0.weight", "3.0", "Conv2d"),
        ("band", "3.0.weight", "3.0", "BandConv2d"),
        ("whole", "0.bias", "0", "BandConv2d"),
        ("band", "1.weight", "1", "BatchNorm2d"),
        ("spectral", "1.conv.weight", "1.conv", "SpecConv2d"),
        ("spectral", "2.conv.bias", "2.conv", "SpecConv2d"),
    ],
)
@pytest.mark.parametrize("value", [INF, -INF, NAN])
def test_a_parameter_that_is_not_finite_is_named(
    name: str, parameter: str, where: str, kind: str, value: float
) -> None:
    model = MODELS[name]().eval()
    with torch.no_grad():
        model.get_parameter(parameter).view(-1)[0] = value
    own = parameter.rpartition(".")[2]
    told = rf"^layer '{where}' \({kind}\), forward: .*; its {own} is not finite either$"
    with pytest.raises(FloatingPointError, match=told), check_finite(model):
        model(torch.randn(2, 2, 6, 5))
    assert sum(hooks_of(model)) == 0


def test_how_many_and_where() -> None:
    model = nn.Sequential(nn.Identity(), Log())
    x = torch.ones(2, 3)
    x[1, 0] = x[1, 2] = 0
    told = r"'1' \(Log\), forward: 2 of 6 .* the first, -inf, at \(1, 0\) of \(2, 3\)$"
    with pytest.raises(FloatingPointError, match=told), check_finite(model):
        model(x)


def test_what_is_given_is_nobodys() -> None:
    model, x = convolutions(), torch.randn(2, 2, 6, 5)
    x[0, 0, 0, 0] = NAN
    with check_finite(model):
        y = model(x)
        y.sum().backward()
    assert y[0].isnan().all()


@pytest.mark.parametrize("before", [0, 1])
def test_a_gradient_that_is_not_finite_is_named(before: int) -> None:
    layers = [pb.nn.BandConv2d(2, 2, 3, padding=1, keep=0.5) for _ in range(2)]
    model = nn.Sequential(*layers[:before], nn.ReLU(inplace=True), Root(), *layers[before:])
    x = -torch.rand(2, 2, 4, 4).requires_grad_()
    if before:
        with torch.no_grad():
            layers[0].weight.zero_()
            layers[0].bias.fill_(-1)  # type: ignore[union-attr]
    told = rf"^layer '{before + 1}' \(Root\), backward: 64 of 64 numbers of a gradient are not "
    with check_finite(model):
        y = model(x)
        with pytest.raises(FloatingPointError, match=told):
            y.sum().backward()
    assert all(layer.weight.grad is None for layer in layers[:before])


def test_functional_code_is_its_modules() -> None:
    model = nn.Sequential(nn.Identity(), Residual(torch.log))
    with pytest.raises(FloatingPointError, match=r"layer '1.conv'|layer '1'"), check_finite(model):
        model(torch.ones(1, 2, 4, 4) * -1)
    model = nn.Sequential(nn.Identity(), Residual(torch.sqrt))
    with check_finite(model):
        y = model(torch.zeros(1, 2, 4, 4, requires_grad=True))["y"][0]
        with pytest.raises(FloatingPointError, match=r"^layer '1' \(Residual\), backward"):
            y.sum().backward()
    root = Residual(torch.sqrt)
    with check_finite(root):
        y = root(torch.zeros(1, 2, 4, 4, requires_grad=True))["y"][0]
        with pytest.raises(FloatingPointError, match=r"^the model itself \(Residual\), backward"):
            y.sum().backward()


def test_a_shared_module_goes_by_its_first_name() -> None:
    shared = nn.Linear(3, 3)
    model = nn.ModuleDict({"a": shared, "b": nn.Sequential(shared, Log())})

    def run() -> Tensor:
        y: Tensor = model["b"](model["a"](torch.randn(2, 3)).abs() + 1)
        return y

    with torch.no_grad():
        shared.weight.fill_(INF)
    with pytest.raises(FloatingPointError, match=r"layer 'a' \(Linear\)"), check_finite(model):
        run()


def test_a_backward_pass_after_the_scope_is_not_looked_at() -> None:
    model = nn.Sequential(Root())
    x = torch.zeros(3, requires_grad=True)
    with check_finite(model):
        y = model(x)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.isinf().all()


def test_an_exception_inside_is_the_users_and_hooks_go() -> None:
    model = convolutions()
    with pytest.raises(RuntimeError, match="mine"), check_finite(model):
        raise RuntimeError("mine")
    assert sum(hooks_of(model)) == 0


def test_a_pass_that_was_interrupted_confuses_nothing() -> None:
    model = nn.Sequential(nn.Identity(), nn.Conv2d(2, 2, 3), Log())
    with check_finite(model):
        with pytest.raises(RuntimeError):
            model(torch.zeros(1, 5, 4, 4))  # as many channels do not fit
        with pytest.raises(FloatingPointError, match=r"'2' \(Log\)"):
            model(torch.randn(1, 2, 9, 9))  # of many numbers some are negative


def test_a_function_of_the_model_in_its_scope_may_nest() -> None:
    model = nn.Sequential(Log())
    with check_finite(model), check_finite(model), pytest.raises(FloatingPointError):
        model(torch.zeros(2))
    assert sum(hooks_of(model)) == 0


def test_threads_do_not_confuse_each_other() -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 3), Log())
    with torch.no_grad():
        model.get_parameter("0.weight").abs_()
        model.get_parameter("0.bias").fill_(1)
    found: dict[int, str] = {}

    def run(number: int) -> None:
        for _ in range(20):
            try:
                model(torch.full((1, 2, 6, 6), 1.0 if number % 2 else -1e3))
            except FloatingPointError as error:
                found[number] = str(error)

    with check_finite(model):
        threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [0, 2]
    assert all("'1' (Log)" in text for text in found.values())


@pytest.mark.parametrize("policy", [pb.MemoryPolicy.exact(), pb.MemoryPolicy.bf16()])
def test_with_a_memory_policy(policy: pb.MemoryPolicy) -> None:
    model = convolutions(None)
    model.append(Root())
    pb.convert_(model, pb.Band(keep=0.5), memory=policy)
    with check_finite(model):
        y = model(torch.randn(2, 2, 6, 5))
        with pytest.raises(FloatingPointError, match=r"'4' \(Root\), backward"):
            y.sum().backward()  # where the ReLU before it gave a 0


def test_errors() -> None:
    wrong: Any = torch.zeros(3)
    with pytest.raises(TypeError, match="Module"), check_finite(wrong):
        pass
