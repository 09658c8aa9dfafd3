"""PyTorch's cases for its convolution functions: values, gradients, error types."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import passband as pb
from pytorch_cases import (
    MODULES,
    NOT_OURS,
    OPS,
    PLANS,
    TOLERANCE,
    band_function,
    copies,
    near,
    same_error,
    value_and_gradients,
)

# PyTorch says so of its own zero-padded copy; the ordinary layers of the comparison set it off.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


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
    ("transposed-no-outputs", "conv_transpose2d", [(1, 2, 5, 5), (2, 0, 3, 3)], {}),
    (
        "transposed-larger-than-memory",
        "conv_transpose2d",
        [(1, 2, 5, 5), (2, 2, 3, 3)],
        {"dilation": 2**40},
    ),
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
