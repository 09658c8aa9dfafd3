"""PyTorch's cases for its convolution layers: values, gradients, error types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing._internal.common_nn import get_new_module_tests

import passband as pb
from pytorch_cases import (
    MODULES,
    NOT_OURS,
    PLANS,
    copies,
    near,
    same_error,
    value_and_gradients,
)

# PyTorch says so of its own zero-padded copy; the ordinary layers of the comparison set it off.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


def band_layer(plain: nn.Module, plan: str) -> nn.Module:
    """Our layer with the arguments and the parameters of an ordinary one."""
    assert isinstance(plain, nn.modules.conv._ConvNd)
    options: dict[str, Any] = {
        name: getattr(plain, name)
        for name in ("stride", "padding", "dilation", "groups", "padding_mode")
    }
    if plain.transposed:
        options["output_padding"] = plain.output_padding
    layer: nn.Module = getattr(pb.nn, f"Band{type(plain).__name__}")(
        plain.in_channels,
        plain.out_channels,
        plain.kernel_size,
        bias=plain.bias is not None,
        dtype=plain.weight.dtype,
        band=pb.Band(keep=1.0),
        plan=plan,
        **options,
    )
    layer.load_state_dict(plain.state_dict(), strict=True)
    plain.load_state_dict(layer.state_dict(), strict=True)
    return layer


def compare_layers(plain: nn.Module, ours: nn.Module, x: Tensor) -> None:
    dtype = x.dtype
    assert isinstance(ours, type(plain))
    (one,), (two,) = copies([x], dtype), copies([x], dtype)
    wanted, actual = (value_and_gradients(layer, [t]) for layer, t in ((plain, one), (ours, two)))
    for a, w, what in zip(actual, wanted, ["y", "dx"], strict=True):
        near(a, w, dtype, what)
    theirs = dict(plain.named_parameters())
    mine = dict(ours.named_parameters())
    assert list(mine) == list(theirs)
    for name, parameter in theirs.items():
        near(mine[name].grad, parameter.grad, dtype, name)


def _module_cases() -> Iterator[Any]:
    for name, info in MODULES.items():
        if name in NOT_OURS:
            continue
        inputs = info.module_inputs_func(info, "cpu", torch.float64, True, True)
        for i, given in enumerate(inputs):
            yield pytest.param(name, i, id=f"{name}-{i}-{given.desc}")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("name", "index"), list(_module_cases()))
@pytest.mark.parametrize("plan", PLANS)
def test_module_inputs(
    plan: str, name: str, index: int, dtype: torch.dtype, training: bool
) -> None:
    """Built with the same constructor arguments, on the same input, batched and not."""
    info = MODULES[name]
    torch.manual_seed(index)
    given = info.module_inputs_func(info, "cpu", dtype, True, training)[index]
    made = given.constructor_input
    plain = info.module_cls(*made.args, **made.kwargs, dtype=dtype).train(training)
    kind = getattr(pb.nn, f"Band{info.module_cls.__name__}")
    ours = kind(*made.args, **made.kwargs, dtype=dtype, keep=1.0, plan=plan).train(training)
    ours.load_state_dict(plain.state_dict(), strict=True)
    (x,) = given.forward_input.args
    compare_layers(plain, ours, x)
    if given.reference_fn is not None:
        by_hand = given.reference_fn(ours, x)
        near(ours(x), by_hand, dtype, "as a batch of one")


def test_modules_have_no_error_inputs() -> None:
    """When a PyTorch release adds some, they are to be run here."""
    assert all(info.module_error_inputs_func is None for info in MODULES.values())


def _new_module_cases() -> Iterator[Any]:
    for case in get_new_module_tests():
        name = case.get("fullname") or case["module_name"]
        if "Conv" in name:
            yield pytest.param(case, id="-".join(filter(None, [name, case.get("desc")])))


NEW_MODULE_CASES = list(_new_module_cases())


def test_there_are_new_module_cases() -> None:
    assert len(NEW_MODULE_CASES) >= 58


@pytest.mark.parametrize("case", NEW_MODULE_CASES)
@pytest.mark.parametrize("plan", PLANS)
def test_new_module_cases(plan: str, case: dict[str, Any]) -> None:
    torch.manual_seed(0)
    if "constructor" in case:
        plain = case["constructor"]()
    else:
        plain = getattr(nn, case["module_name"])(*case["constructor_args"])
    plain = plain.double()
    ours = band_layer(plain, plan)
    compare_layers(plain, ours, torch.randn(case["input_size"], dtype=torch.float64))


BAD_CONSTRUCTIONS: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = [
    ("in-channels-do-not-divide", "Conv2d", (3, 4, 3), {"groups": 2}),
    ("out-channels-do-not-divide", "Conv2d", (4, 3, 3), {"groups": 2}),
    ("groups-zero", "Conv1d", (4, 4, 3), {"groups": 0}),
    ("groups-negative", "Conv3d", (4, 4, 3), {"groups": -1}),
    ("padding-mode", "Conv2d", (3, 4, 3), {"padding_mode": "mirror"}),
    ("padding-name", "Conv2d", (3, 4, 3), {"padding": "full"}),
    ("same-strided", "Conv1d", (3, 4, 3), {"padding": "same", "stride": 2}),
    ("no-kernel", "Conv2d", (3, 4), {}),
    ("unknown-argument", "Conv2d", (3, 4, 3), {"strides": 2}),
    ("transposed-circular", "ConvTranspose2d", (3, 4, 3), {"padding_mode": "circular"}),
    ("transposed-groups", "ConvTranspose1d", (3, 4, 3), {"groups": 2}),
]


@pytest.mark.parametrize(
    ("kind", "args", "options"),
    [pytest.param(k, args, options, id=i) for i, k, args, options in BAD_CONSTRUCTIONS],
)
def test_bad_constructions(kind: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    same_error(
        lambda: getattr(nn, kind)(*args, **options),
        lambda: getattr(pb.nn, f"Band{kind}")(*args, **options, keep=1.0),
    )


BAD_CALLS: list[tuple[str, str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("channels", "Conv2d", (3, 4, 3), {}, (1, 2, 5, 5)),
    ("rank", "Conv2d", (3, 4, 3), {}, (5, 5)),
    ("batch-of-batches", "Conv1d", (3, 4, 3), {}, (1, 1, 3, 5)),
    ("kernel-longer-than-map", "Conv3d", (3, 4, 3), {}, (1, 3, 5, 5, 2)),
    (
        "reflection-too-deep",
        "Conv1d",
        (3, 4, 3),
        {"padding": 4, "padding_mode": "reflect"},
        (1, 3, 4),
    ),
    ("wrapped-twice", "Conv1d", (3, 4, 3), {"padding": 6, "padding_mode": "circular"}, (1, 3, 5)),
    ("transposed-channels", "ConvTranspose2d", (3, 4, 3), {}, (1, 2, 5, 5)),
    ("transposed-rank", "ConvTranspose2d", (3, 4, 3), {}, (1, 3, 5, 5, 5)),
]


@pytest.mark.parametrize(
    ("kind", "args", "options", "shape"),
    [pytest.param(k, args, options, shape, id=i) for i, k, args, options, shape in BAD_CALLS],
)
@pytest.mark.parametrize("plan", PLANS)
def test_bad_calls(
    plan: str, kind: str, args: tuple[Any, ...], options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    x = torch.ones(shape)
    plain = getattr(nn, kind)(*args, **options)
    ours = getattr(pb.nn, f"Band{kind}")(*args, **options, keep=1.0, plan=plan)
    same_error(lambda: plain(x), lambda: ours(x))


def test_transposed_output_size() -> None:
    """`output_size` picks the output padding, as in PyTorch."""
    torch.manual_seed(0)
    plain = nn.ConvTranspose2d(3, 4, 3, stride=3, dtype=torch.float64)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    for plan in PLANS:
        ours = band_layer(plain, plan)
        near(ours(x, output_size=(13, 16)), plain(x, output_size=(13, 16)), x.dtype, "y")
        same_error(
            lambda: plain(x, output_size=(20, 20)),
            lambda ours=ours: ours(x, output_size=(20, 20)),  # type: ignore[misc]
        )
