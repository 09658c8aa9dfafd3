"""Gradients of layers and blocks: finite differences, twins, and what autograd may ask for."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.functional import (
    band_limit,
    cat_spectra,
    keep_largest,
    spec_conv1d,
    spectral_activation,
    spectral_batch_norm,
    spectral_threshold,
    to_space,
    to_spectrum,
)
from passband.functional.spectral import settle
from passband.packing.sparse import Store, packed
from spectra import F32, F64, close, maps, random_spectrum

NAMES = [
    "identity", "tanh", "softsign", "arctan", "hardtanh", "softshrink", "relu-tanh",
    "relu-identity",
]  # fmt: skip
BETA = 0.4
KINKS = (0.0, 0.5, 1.0)


def away(s: pb.Spectrum) -> Tensor:
    """Values of which no part is near a kink, and no magnitude near the threshold.

    The imaginary part of a bin that is its own mirror image is 0, and no function of it has a kink
    there.
    """
    values = s.values.detach().clone()
    real = values[:, 0]
    for kink in KINKS:
        near = (real.abs() - kink).abs() < 0.02
        real[near] += 0.05
    imaginary = values[s.own :, 1]
    for kink in KINKS:
        near = (imaginary.abs() - kink).abs() < 0.02
        imaginary[near] += 0.05
    magnitude = torch.linalg.vector_norm(values, dim=1)
    assert ((magnitude - BETA).abs() > 1e-3).all()
    assert ((values[:, 0].abs() - 0.5).abs() > 1e-3).all()
    return values.requires_grad_()


def block(
    name: str, norm: bool, *, dims: int = 2, inputs: int = 2, outputs: int = 2,
    store: Store = "exact", seed: int = 0,
) -> nn.Module:  # fmt: skip
    torch.manual_seed(seed)
    kind = pb.nn.SpecBlock2d if dims == 2 else pb.nn.SpecBlock1d
    made = kind(inputs, outputs, 3, beta=BETA, activation=name, norm=norm, store=store)
    if made.norm is not None:
        with torch.no_grad():
            made.norm.weight.copy_(0.5 + torch.rand(outputs))
            made.norm.bias.copy_(torch.randn(outputs))
            made.norm.running_mean.copy_(torch.randn(outputs))
            made.norm.running_var.copy_(0.5 + torch.rand(outputs))
    return made


def network(name: str, norm: bool, *, layers: int = 2, **options: int) -> nn.Sequential:
    blocks = [block(name, norm, seed=seed, **options) for seed in range(layers)]  # type: ignore[arg-type]
    return nn.Sequential(pb.nn.ToSpectrum(1), *blocks, pb.nn.ToSpace())


def blocks_of(model: nn.Sequential) -> list[Any]:
    return list(model)[1:-1]


def gradients(
    model: nn.Module, x: Tensor, run: Callable[[Tensor], Tensor] | None = None
) -> list[Tensor]:
    """Output, and gradients of input and parameters."""
    x = x.detach().clone().requires_grad_()
    y = (run or model)(x)
    cotangent = maps(*y.shape, seed=8).to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, [x, *model.parameters()], cotangent)]


def separate(model: nn.Sequential, x: Tensor) -> Tensor:
    """A network of blocks, the parts of each called one after another."""
    s = model[0](x)
    for each in blocks_of(model):
        s = each.conv(s)
        s = s if each.norm is None else each.norm(s)
        s = each.activation(each.threshold(s))
    y: Tensor = model[-1](s)
    return y


@pytest.mark.parametrize("name", NAMES)
def test_finite_differences_of_an_activation_alone_and_after_a_threshold(name: str) -> None:
    s = random_spectrum((4, 3), batch=1, channels=2)
    values = away(s)

    def alone(v: Tensor) -> Tensor:
        return spectral_activation(s.with_values(v), name).values

    def after(v: Tensor) -> Tensor:
        return spectral_activation(spectral_threshold(s.with_values(v), BETA), name).values

    assert torch.autograd.gradcheck(alone, values)
    assert torch.autograd.gradcheck(after, values)


def test_finite_differences_of_selections_and_joins() -> None:
    s = random_spectrum((4, 3), batch=2, channels=2)
    values = away(s)
    for run in (
        lambda v: spectral_threshold(s.with_values(v), BETA).values,
        lambda v: keep_largest(s.with_values(v), 0.4).values,
        lambda v: band_limit(s.with_values(v), pb.Band(modes=2)).values,
        lambda v: cat_spectra([s.with_values(v), s.with_values(2 * v)]).values,
        lambda v: (s.with_values(v) + s.with_values(v.sin())).values,
    ):
        assert torch.autograd.gradcheck(run, values)


def margins(model: nn.Sequential, x: Tensor) -> None:
    """That nothing in a network comes near a kink of its functions."""
    s = model[0](x)
    for each in blocks_of(model):
        s = each.conv(s)
        s = s if each.norm is None else each.norm(s)
        magnitude = torch.linalg.vector_norm(s.values, dim=1)
        assert ((magnitude - BETA).abs() > 2e-5).all()
        parts = s.values[torch.stack([magnitude, magnitude], 1) > BETA].abs()
        free = parts > 1e-12
        assert all(((parts[free] - kink).abs() > 2e-5).all() for kink in KINKS)
        s = each.activation(each.threshold(s))


@pytest.mark.parametrize(("norm", "training"), [(False, False), (True, True), (True, False)])
@pytest.mark.parametrize("name", NAMES)
def test_finite_differences_of_two_blocks(name: str, norm: bool, training: bool) -> None:
    model = network(name, norm).double().train(training)
    x = maps(2, 2, 3, 2, seed=1)
    with torch.no_grad():
        margins(copy.deepcopy(model), x)
    names = [n for n, _ in model.named_parameters()]

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        y: Tensor = torch.func.functional_call(model, given, (x,))
        return y

    assert torch.autograd.gradcheck(run, (x.requires_grad_(), *model.parameters()))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [F64, F32])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_block_is_its_parts_one_after_another(
    name: str, norm: bool, dtype: torch.dtype, training: bool
) -> None:
    fused = network(name, norm, inputs=5, outputs=5).to(dtype).train(training)
    parts = copy.deepcopy(fused)
    x = maps(3, 5, 6, 5, dtype=dtype)
    tolerance = 1e-12 if dtype == F64 else 2e-5
    for one, other in zip(
        gradients(fused, x), gradients(parts, x, lambda t: separate(parts, t)), strict=True
    ):
        close(one, other, tolerance)
    for one, other in zip(fused.buffers(), parts.buffers(), strict=True):
        close(one, other, tolerance)


@pytest.mark.parametrize("kind", ["hook", "pre-hook"])
@pytest.mark.parametrize("part", ["norm", "threshold", "activation"])
def test_a_hook_on_a_part_sees_what_goes_through_and_changes_nothing(part: str, kind: str) -> None:
    plain = network("tanh", True, layers=1).double()
    watched = copy.deepcopy(plain)
    seen: list[tuple[object, ...]] = []
    target = watched[1].get_submodule(part)
    if kind == "hook":
        target.register_forward_hook(lambda _, given, out: seen.append((given[0], out)))
    else:
        target.register_forward_pre_hook(lambda _, given: seen.append((given[0],)))
    x = maps(2, 2, 5, 4)
    for one, other in zip(gradients(watched, x), gradients(plain, x), strict=True):
        close(one, other, 1e-12)
    assert [type(t) for given in seen for t in given] == [pb.Spectrum] * (1 + (kind == "hook"))


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_single_precision_is_double_precision_but_for_rounding(
    name: str, norm: bool, dims: int
) -> None:
    """float32 runs compiled kernels where there are any, float64 PyTorch's operations."""
    single = network(name, norm, dims=dims, inputs=19, outputs=19)
    double = copy.deepcopy(single).double()
    x = maps(4, 19, *(9, 10)[:dims])
    with torch.no_grad():  # a coefficient may fall on the other side of a threshold
        density = (double[1](double[0](x)).values != 0).any(1).double().mean()
        assert 0.05 < density < 0.99
    single_grads, double_grads = gradients(single, x.float()), gradients(double, x)
    largest = max(float(t.norm()) for t in double_grads[1:])
    for one, other in zip(single_grads, double_grads, strict=True):
        assert (one.double() - other).norm() <= 1e-4 * (other.norm() + 1e-2 * largest)


@pytest.mark.parametrize("frozen", [*itertools.product([False, True], repeat=3)])
def test_frozen_parameters_have_no_gradient_and_others_the_same(
    frozen: tuple[bool, bool, bool],
) -> None:
    model = network("tanh", True, layers=3).double()
    x = maps(2, 2, 5, 4)
    expected = dict(
        zip(["x", *dict(model.named_parameters())], gradients(model, x)[1:], strict=True)
    )
    for each, freeze in zip(list(model)[1:-1], frozen, strict=True):
        each.requires_grad_(not freeze)
    free = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    for with_input in (True, False):
        given = x.clone().requires_grad_(with_input)
        of = [("x", given)] * with_input + free
        y = model(given)
        assert y.requires_grad == bool(of)
        if of:
            found = torch.autograd.grad(y, [t for _, t in of], maps(*y.shape, seed=8))
            for (name, _), one in zip(of, found, strict=True):
                close(one, expected[name], 1e-12)


@pytest.mark.parametrize("only", ["weight", "bias", "norm.weight", "norm.bias"])
def test_one_kind_of_parameter_alone(only: str) -> None:
    model = network("tanh", True).double()
    x = maps(2, 2, 5, 4)
    expected = dict(
        zip(["x", *dict(model.named_parameters())], gradients(model, x)[1:], strict=True)
    )
    free = []
    for name, p in model.named_parameters():
        p.requires_grad_(name.endswith(only))
        free += [(name, p)] if name.endswith(only) else []
    y = model(x)
    found = torch.autograd.grad(y, [p for _, p in free], maps(*y.shape, seed=8))
    for (name, _), one in zip(free, found, strict=True):
        close(one, expected[name], 1e-12)


def test_without_gradients_nothing_is_packed_and_values_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = network("tanh", True).eval()
    x = maps(2, 2, 5, 4, dtype=F32)
    packs: list[Any] = []

    def counted(*given: Any) -> Any:
        packs.append(given)
        return packed(*given)

    monkeypatch.setattr(settle, "packed", counted)
    expected = model(x)
    assert len(packs) == 2
    packs.clear()
    with torch.no_grad():
        assert torch.equal(model(x), expected)
    with torch.inference_mode():
        assert torch.equal(model(x), expected)
    model.requires_grad_(False)
    assert torch.equal(model(x), expected)
    assert not packs


DIFFERENTIATED: dict[str, Callable[[pb.Spectrum, Tensor], pb.Spectrum]] = {
    "conv": lambda s, w: spec_conv1d(s, w),
    "activation": lambda s, w: spectral_activation(spec_conv1d(s, w), "tanh"),
    "threshold and activation": lambda s, w: spectral_activation(
        spectral_threshold(spec_conv1d(s, w), BETA), "tanh"
    ),
    "norm": lambda s, w: spectral_batch_norm(spec_conv1d(s, w), None, None, training=True),
}


@pytest.mark.parametrize("case", DIFFERENTIATED)
def test_gradients_of_gradients_raise(case: str) -> None:
    x, w = maps(2, 2, 5).requires_grad_(), maps(2, 2, 3, seed=1).requires_grad_()
    y = to_space(DIFFERENTIATED[case](to_spectrum(x, 1), w))
    with pytest.raises(RuntimeError, match="gradients of gradients"):
        torch.autograd.grad(y.square().sum(), x, create_graph=True)


@pytest.mark.parametrize("case", DIFFERENTIATED)
def test_gradients_of_gradients_of_a_sum_raise_too(case: str) -> None:
    """What comes in does not depend on anything, but what goes out depends on the weight."""
    x, w = maps(2, 2, 5).requires_grad_(), maps(2, 2, 3, seed=1).requires_grad_()
    y = to_space(DIFFERENTIATED[case](to_spectrum(x, 1), w))

    def penalise() -> None:
        (grad,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        (grad.square().sum() + x.sum() + w.sum()).backward()

    with pytest.raises(RuntimeError, match=r"differentiate twice|gradients of gradients"):
        penalise()


CHANGED: dict[str, Callable[[pb.Spectrum, nn.Module], pb.Spectrum]] = {
    "a convolution": lambda s, b: b.get_submodule("conv")(s),
    "a threshold": lambda s, b: spectral_threshold(s, BETA),
    "a block": lambda s, b: b(s),
    "a norm": lambda s, b: spectral_batch_norm(s, None, None, training=True),
}


@pytest.mark.parametrize("case", CHANGED)
def test_values_changed_in_place_are_those_that_the_next_layer_had(case: str) -> None:
    x, w = maps(2, 2, 5, 4).requires_grad_(), maps(2, 2, 3, 3, seed=1).requires_grad_()
    inner = block("tanh", False).double()
    s = CHANGED[case](to_spectrum(x, 1), inner)
    with torch.no_grad():
        s.values[1:4] = 0
    free = pb.Spectrum(s.values.detach().clone(), s.space, s.lengths)
    found, expected = (
        torch.autograd.grad(to_space(pb.functional.spec_conv2d(t, w)).pow(3).sum(), w)[0]
        for t in (s, free)
    )
    close(found, expected, 1e-12)


def test_maps_changed_in_place_after_their_transform() -> None:
    """As by `relu_` of a second branch."""
    x, w = maps(2, 2, 5, 4), maps(2, 2, 3, 3, seed=1).requires_grad_()
    branch = x.clone()
    s = to_spectrum(branch, 1)
    branch.relu_()
    found = pb.functional.spec_conv2d(s, w)
    expected = pb.functional.spec_conv2d(to_spectrum(x, 1), w)
    close(found.values, expected.values, 1e-12)
    one, other = (torch.autograd.grad(to_space(t).pow(3).sum(), w)[0] for t in (found, expected))
    close(one, other, 1e-12)


def test_maps_changed_in_place_after_the_convolution_raise() -> None:
    x, w = maps(2, 2, 5, 4), maps(2, 2, 3, 3, seed=1).requires_grad_()
    y = to_space(pb.functional.spec_conv2d(to_spectrum(x, 1), w))
    x.relu_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("store", ["bfloat16", "int8"])
@pytest.mark.parametrize("name", ["identity", "tanh", "softsign", "arctan"])
def test_gradients_of_rounded_stores_are_near_and_their_outputs_the_same(
    name: str, store: Store
) -> None:
    exact = block(name, True, inputs=8, outputs=8)
    lossy = block(name, True, inputs=8, outputs=8, store=store)
    x = maps(4, 8, 9, 8, dtype=F32)
    pairs = []
    for each in (exact, lossy):
        model = nn.Sequential(pb.nn.ToSpectrum(1), each, copy.deepcopy(each), pb.nn.ToSpace())
        pairs.append(gradients(model, x))
    assert torch.equal(pairs[0][0], pairs[1][0])
    largest = max(t.norm() for t in pairs[0][1:])
    for one, other in zip(pairs[1][1:], pairs[0][1:], strict=True):
        assert (one - other).norm() <= 0.02 * (other.norm() + 0.05 * largest)
    assert not all(torch.equal(*pair) for pair in zip(*pairs, strict=True))
