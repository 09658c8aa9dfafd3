"""Arguments as they should not be: what PyTorch refuses we refuse with its error, and no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from torch import Tensor, nn

import passband as pb

# What PyTorch says of some of these, and goes on.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
    pytest.mark.filterwarnings("ignore:Initializing zero-element tensors"),
]

SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))
WHOLE = pb.Band(keep=1)
# No negative padding: layers that pad in space crop by it in PyTorch, which only zeros refuse.
NUMBERS: list[Any] = [0, 1, 2, 3, 5, 1.0, 1.5, None, "same", "valid", "full", (1,), (2, 1), [1, 2]]
NUMBERS += [(1, 2, 1), (), (0,), (1.5, 1)]
NEGATIVE: list[Any] = [-1, (-1, 1), (-1,)]
SHAPES = st.lists(st.sampled_from([0, 1, 2, 4, 5, 6]), max_size=5).map(tuple)
SIZES: dict[str, st.SearchStrategy[Any]] = {
    "stride": st.sampled_from(NUMBERS + NEGATIVE),
    "padding": st.sampled_from(NUMBERS),
    "dilation": st.sampled_from([*NUMBERS, *NEGATIVE, 2**40]),
    "groups": st.sampled_from([-1, 0, 1, 2, 3, 4, 1.0, None]),
    "output_padding": st.sampled_from(NUMBERS + NEGATIVE),
}


def outcome(call: Callable[[], Tensor]) -> type[Exception] | torch.Size:
    """The shape of what a call gives, or the kind of its error."""
    try:
        return call().shape
    except Exception as error:
        return type(error)


def same(plain: Callable[[], Tensor], ours: Callable[[], Tensor], odd: int) -> None:
    """Both give that shape, or both refuse; of one odd argument, for the same reason."""
    wanted, found = outcome(plain), outcome(ours)
    if wanted is NotImplementedError or (isinstance(wanted, torch.Size) and 0 in wanted):
        return  # F.pad has no case for it, or PyTorch looks at nothing else where a batch is empty
    if not isinstance(wanted, type) or not isinstance(found, type):
        assert found == wanted
    elif odd > 1:
        assert issubclass(found, (TypeError, ValueError, RuntimeError)), found
    else:
        assert issubclass(found, wanted), f"{found} where PyTorch raises {wanted}"


@dataclass(frozen=True)
class Call:
    """A function by name, the shapes of its tensors, its other arguments; some of them are odd."""

    function: str
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]
    options: dict[str, Any]
    odd: int


@st.composite
def calls(draw: st.DrawFn) -> Call:
    dims, transposed = draw(st.integers(1, 3)), draw(st.booleans())
    groups = draw(st.sampled_from([1, 1, 2]))
    bias = draw(st.sampled_from([None, (2 * groups,)]))
    shapes: list[Any] = [(2, 2 * groups, *(5,) * dims), (2 * groups, 2, *(3,) * dims), bias]
    options: dict[str, Any] = {"groups": groups}
    names = [name for name in SIZES if transposed or name != "output_padding"]
    names = draw(st.lists(st.sampled_from([*names, *"xwb"]), min_size=1, max_size=2, unique=True))
    for name in names:
        if name in SIZES:
            options[name] = draw(SIZES[name])
        else:
            shapes["xwb".index(name)] = draw(SHAPES)
    return Call(f"conv{'_transpose' * transposed}{dims}d", tuple(shapes), options, len(names))


def check_function(call: Call) -> None:
    tensors = [None if shape is None else torch.ones(shape) for shape in call.shapes]
    ours = getattr(pb.functional, f"band_{call.function}")
    same(
        lambda: getattr(F, call.function)(*tensors, **call.options),
        lambda: ours(*tensors, **call.options, band=WHOLE),
        call.odd,
    )


def check_layer(call: Call, mode: str) -> None:
    name = f"Conv{'Transpose' * ('transpose' in call.function)}{call.function[-2:]}"
    x, channels = torch.ones(call.shapes[0]), call.shapes[1][0] if call.shapes[1] else 2
    options = {"kernel_size": 3, "padding_mode": mode, **call.options}
    same(
        lambda: getattr(nn, name)(channels, channels, **options)(x),
        lambda: getattr(pb.nn, f"Band{name}")(channels, channels, **options, band=WHOLE)(x),
        call.odd + (mode != "zeros"),
    )


MODES = st.sampled_from(["zeros", "circular", "reflect", "replicate", "constant"])


@settings(SETTINGS, max_examples=500, derandomize=True, database=None)
@given(calls())
def test_some_functions(call: Call) -> None:
    check_function(call)


@settings(SETTINGS, max_examples=300, derandomize=True, database=None)
@given(calls(), MODES)
def test_some_layers(call: Call, mode: str) -> None:
    check_layer(call, mode)


@pytest.mark.slow
@settings(SETTINGS, max_examples=10_000)
@given(calls(), MODES)
def test_many_calls(call: Call, mode: str) -> None:
    check_function(call)
    check_layer(call, mode)
