"""PyTorch's own convolution cases, through each way at keep=1: values, gradients, error types.

The cases come out of the installed wheel: `op_db` (functions, with their error inputs), `module_db`
and `get_new_module_tests` (layers). What of theirs is not ours to do is in `NOT_OURS`, with the
reason; a test holds that table to what the wheel lists, so nothing is left out unseen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db
from torch.testing._internal.common_nn import get_new_module_tests

import passband as pb

PLANS = ["auto", "fft", "dft", "spatial"]
# Of the largest value expected; the half precisions are compared with float64 on the same values.
TOLERANCE = {
    torch.float64: 1e-10,
    torch.float32: 1e-5,
    torch.float16: 4e-3,
    torch.bfloat16: 3e-2,
}
NO_COMPLEX = "a band is symmetric in ±k because maps are real; a complex map has no half spectrum"
NO_INTEGER = "an integer map has no spectrum in its own dtype, and integers have no gradient"
NO_LAZY = "a lazy layer becomes nn.ConvNd at its first batch; convert the model after that"
NOT_OURS: dict[object, str] = {
    torch.complex64: NO_COMPLEX,
    torch.complex128: NO_COMPLEX,
    torch.int64: NO_INTEGER,
    **{f"nn.LazyConv{t}{d}d": NO_LAZY for t in ("", "Transpose") for d in (1, 2, 3)},
}
OPS: dict[str, Any] = {op.name: op for op in op_db if op.name.startswith("nn.functional.conv")}
MODULES: dict[str, Any] = {info.name: info for info in module_db if "Conv" in info.name}
# PyTorch says so of its own zero-padded copy; the ordinary layers of the comparison set it off.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


def band_function(name: str) -> Callable[..., Tensor]:
    found: Callable[..., Tensor] = getattr(pb.functional, f"band_{name.rpartition('.')[2]}")
    return found


def near(actual: Tensor | None, wanted: Tensor | None, dtype: torch.dtype, what: str) -> None:
    assert (actual is None) == (wanted is None), what
    if actual is None or wanted is None:
        return
    assert actual.dtype == dtype, what
    assert actual.shape == wanted.shape, what
    if wanted.numel() == 0:
        return
    error, scale = (actual.double() - wanted.double()).abs().max(), wanted.double().abs().max()
    assert error <= TOLERANCE[dtype] * scale, f"{what}: off by {error:.2e} of {scale:.2e}"


def copies(tensors: list[Tensor | None], dtype: torch.dtype) -> list[Tensor | None]:
    return [None if t is None else t.detach().to(dtype).requires_grad_() for t in tensors]


def value_and_gradients(
    f: Callable[..., Tensor], tensors: list[Tensor | None]
) -> list[Tensor | None]:
    """What f gives, then the gradient of each tensor for a cotangent that depends on the shape."""
    y = f(*tensors)
    steps = torch.linspace(-0.5, 1.5, max(y.numel(), 1), dtype=torch.float64)[: y.numel()]
    y.backward(steps.reshape(y.shape).to(y.dtype))  # type: ignore[no-untyped-call]
    return [y, *(None if t is None else t.grad for t in tensors)]


# --- functions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    op: str
    index: int

    def __str__(self) -> str:
        return f"{self.op.rpartition('.')[2]}-{self.index}"


@functools.cache
def sample_inputs(name: str, dtype: torch.dtype) -> list[Any]:
    torch.manual_seed(0)
    return list(OPS[name].sample_inputs("cpu", dtype))


@functools.cache
def error_inputs(name: str) -> list[Any]:
    if OPS[name].error_inputs_func is None:
        assert "transpose" in name, "PyTorch lists none for the transposed ones"
        return []
    return list(OPS[name].error_inputs("cpu"))


SAMPLES = [Sample(name, i) for name in OPS for i in range(len(sample_inputs(name, torch.float64)))]


def test_the_wheel_has_the_cases() -> None:
    assert set(OPS) == {f"nn.functional.conv{t}{d}d" for t in ("", "_transpose") for d in (1, 2, 3)}
    assert len(SAMPLES) >= 92
    plain = {f"nn.Conv{t}{d}d" for t in ("", "Transpose") for d in (1, 2, 3)}
    assert set(MODULES) == plain | {name for name in NOT_OURS if isinstance(name, str)}


@pytest.mark.parametrize("name", OPS)
def test_every_dtype_is_tested_or_not_ours(name: str) -> None:
    dtypes = set(OPS[name].dtypes)
    assert dtypes == {*TOLERANCE, *(d for d in NOT_OURS if isinstance(d, torch.dtype))}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@pytest.mark.parametrize("plan", PLANS)
def test_sample_inputs(plan: str, sample: Sample, dtype: torch.dtype) -> None:
    given = sample_inputs(sample.op, dtype)[sample.index]
    tensors = [given.input, *given.args]
    exact = dtype if dtype in (torch.float32, torch.float64) else torch.float64
    plain = getattr(F, sample.op.rpartition(".")[2])
    wanted = value_and_gradients(lambda *a: plain(*a, **given.kwargs), copies(tensors, exact))
    band, ours = pb.Band(keep=1.0), band_function(sample.op)
    actual = value_and_gradients(
        lambda *a: ours(*a, **given.kwargs, band=band, plan=plan), copies(tensors, dtype)
    )
    for a, w, what in zip(actual, wanted, ["y", "dx", "dw", "db"], strict=False):
        near(a, w, dtype, what)


@pytest.mark.parametrize("dtype", [d for d in NOT_OURS if isinstance(d, torch.dtype)], ids=str)
@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("plan", PLANS)
def test_other_dtypes_are_refused(plan: str, name: str, dtype: torch.dtype) -> None:
    given = sample_inputs(name, dtype)[0]
    ours = band_function(name)
    with pytest.raises((TypeError, ValueError, RuntimeError), match=str(dtype)):
        ours(given.input, *given.args, **given.kwargs, band=pb.Band(keep=1.0), plan=plan)


ERRORS = [
    pytest.param(name, i, id=f"{name.rpartition('.')[2]}-{i}")
    for name in OPS
    for i in range(len(error_inputs(name)))
]


def same_error(plain: Callable[[], object], ours: Callable[[], object]) -> None:
    """Ours raises the class PyTorch raises, or a subclass, and says something."""
    with pytest.raises(Exception) as theirs:  # noqa: PT011  # whatever it is, ours must be too
        plain()
    with pytest.raises(theirs.type) as raised:
        ours()
    assert str(raised.value)


def test_there_are_error_inputs() -> None:
    assert len(ERRORS) >= 30


@pytest.mark.parametrize(("name", "index"), ERRORS)
@pytest.mark.parametrize("plan", PLANS)
def test_error_inputs(plan: str, name: str, index: int) -> None:
    given = error_inputs(name)[index].sample_input
    args, plain, ours = (given.input, *given.args), getattr(F, name.rpartition(".")[2]), name
    same_error(
        lambda: plain(*args, **given.kwargs),
        lambda: band_function(ours)(*args, **given.kwargs, band=pb.Band(keep=1.0), plan=plan),
    )


# What PyTorch's lists leave out: shapes of input, weight, bias, and the other arguments.
MORE_ERRORS: list[tuple[str, str, list[tuple[int, ...]], dict[str, Any]]] = [
    ("channels", "conv2d", [(1, 3, 5, 5), (2, 4, 3, 3)], {}),
    ("group-channels", "conv2d", [(1, 4, 5, 5), (4, 4, 3, 3)], {"groups": 2}),
    ("groups-do-not-divide", "conv2d", [(1, 4, 5, 5), (3, 2, 3, 3)], {"groups": 2}),
    ("kernel-longer-than-map", "conv2d", [(1, 2, 2, 5), (2, 2, 3, 3)], {}),
    ("dilated-kernel-longer-than-map", "conv1d", [(1, 2, 5), (2, 2, 3)], {"dilation": 3}),
    ("rank-too-high", "conv1d", [(1, 2, 5, 5), (2, 2, 3)], {}),
    ("rank-too-low", "conv3d", [(5, 5, 5), (2, 2, 3, 3, 3)], {}),
    ("weight-rank", "conv2d", [(1, 2, 5, 5), (2, 2, 3)], {}),
    ("stride-length", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"stride": (1, 1, 1)}),
    ("padding-length", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"padding": (1, 1, 1)}),
    ("dilation-length", "conv3d", [(1, 2, 5, 5, 5), (2, 2, 1, 1, 1)], {"dilation": (1, 1)}),
    ("stride-zero", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"stride": 0}),
    ("dilation-zero", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"dilation": 0}),
    ("stride-fraction", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"stride": 1.5}),
    ("padding-fraction", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"padding": (0.5, 1)}),
    ("groups-fraction", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"groups": 1.0}),
    ("padding-name", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"padding": "full"}),
    ("same-strided", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"padding": "same", "stride": 2}),
    ("bias-length", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3), (3,)], {}),
    ("bias-rank", "conv2d", [(1, 2, 5, 5), (2, 2, 3, 3), (2, 1)], {}),
    ("empty-space", "conv2d", [(1, 2, 0, 5), (2, 2, 3, 3)], {}),
    ("empty-kernel", "conv2d", [(1, 2, 5, 5), (2, 2, 0, 3)], {}),
    ("transposed-channels", "conv_transpose2d", [(1, 3, 5, 5), (4, 2, 3, 3)], {}),
    ("transposed-groups", "conv_transpose2d", [(1, 3, 5, 5), (3, 2, 3, 3)], {"groups": 2}),
    ("transposed-bias", "conv_transpose1d", [(1, 2, 5), (2, 3, 3), (2,)], {}),
    ("transposed-rank", "conv_transpose1d", [(1, 2, 5, 5), (2, 3, 3)], {}),
    ("transposed-padding-name", "conv_transpose1d", [(1, 2, 5), (2, 3, 3)], {"padding": "same"}),
    ("transposed-nothing-left", "conv_transpose1d", [(1, 2, 1), (2, 3, 3)], {"padding": 2}),
    (
        "transposed-stride-zero",
        "conv_transpose3d",
        [(1, 1, 3, 3, 3), (1, 1, 2, 2, 2)],
        {"stride": 0},
    ),
    ("transposed-negative", "conv_transpose1d", [(1, 2, 5), (2, 3, 3)], {"padding": -1}),
    ("output-padding", "conv_transpose2d", [(1, 2, 5, 5), (2, 2, 3, 3)], {"output_padding": 1}),
    (
        "output-padding-is-stride",
        "conv_transpose2d",
        [(1, 2, 5, 5), (2, 2, 3, 3)],
        {"output_padding": (2, 0), "stride": 2},
    ),
    ("output-padding-negative", "conv_transpose1d", [(1, 2, 5), (2, 3, 3)], {"output_padding": -1}),
]


@pytest.mark.parametrize(
    ("function", "shapes", "options"),
    [pytest.param(f, shapes, options, id=i) for i, f, shapes, options in MORE_ERRORS],
)
@pytest.mark.parametrize("plan", PLANS)
def test_more_error_inputs(
    plan: str, function: str, shapes: list[tuple[int, ...]], options: dict[str, Any]
) -> None:
    tensors = [torch.ones(shape) for shape in shapes]
    same_error(
        lambda: getattr(F, function)(*tensors, **options),
        lambda: band_function(function)(*tensors, **options, band=pb.Band(keep=1.0), plan=plan),
    )


@pytest.mark.parametrize("which", ["input", "weight", "bias"])
@pytest.mark.parametrize("function", ["conv2d", "conv_transpose2d"])
@pytest.mark.parametrize("plan", PLANS)
def test_mixed_dtypes(plan: str, function: str, which: str) -> None:
    tensors = {"input": torch.ones(1, 2, 5, 5), "weight": torch.ones(2, 2, 3, 3)}
    tensors["bias"] = torch.ones(2)
    tensors[which] = tensors[which].double()

    def ours() -> Tensor:
        return band_function(function)(**tensors, band=pb.Band(keep=1.0), plan=plan)

    if (function, which) == ("conv_transpose2d", "bias"):
        # PyTorch's check has a hole here: on CPU it adds the float64 bias to a float32 map.
        with pytest.raises(RuntimeError, match="float64"):
            ours()
    else:
        same_error(lambda: getattr(F, function)(**tensors), ours)


# --- layers --------------------------------------------------------------------------------------


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
    for case in get_new_module_tests():  # type: ignore[no-untyped-call]
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
