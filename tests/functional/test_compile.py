"""torch.compile of band-limited layers, in one graph: values, gradients, what is held, guards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from every_convolution import KEEP, network
from passband.functional.plan import PlanName

# PyTorch's own, of its own code: at a graph break, within function transforms, before a tangent.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated"),
]

DYNAMIC = pb.Band(energy=0.9, dynamic=True)


@pytest.fixture(autouse=True)
def _forgotten_graphs() -> None:
    """Dynamo counts recompilations of a function over all tests."""
    torch._dynamo.reset()


def in_one_graph(function: Any, **options: Any) -> Any:
    return torch.compile(function, backend="aot_eager", fullgraph=True, **options)


def value_and_gradients(model: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    y = model(x)
    return y, *torch.autograd.grad(y.float().square().sum(), (x, *model.parameters()))


def same(found: tuple[Tensor, ...], wanted: tuple[Tensor, ...], tolerance: float = 1e-4) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


FIRST, LAST = torch.contiguous_format, torch.channels_last


@pytest.mark.parametrize(
    ("band", "plan", "layout"),
    [
        *((KEEP, plan, FIRST) for plan in ("auto", "fft", "dft", "spatial", "measure")),
        *((KEEP, plan, LAST) for plan in ("auto", "fft", "spatial")),
        (pb.Band(keep=1.0), "auto", FIRST),
        (pb.Band(keep=1.0), "dft", FIRST),
        (pb.Band(modes=(3, 4)), "auto", FIRST),
        (pb.Band(cutoff=0.4, fft_size="fast"), "auto", FIRST),
        (DYNAMIC, "auto", LAST),
    ],
    ids=str,
)
def test_a_compiled_network_is_the_network(
    band: pb.Band, plan: PlanName, layout: torch.memory_format
) -> None:
    model = network(band, plan).to(memory_format=layout)  # type: ignore[call-overload]
    compiled = in_one_graph(model)
    for batch in (4, 3, 1):  # from the second on the size of the batch is a symbol
        x = torch.randn(batch, 3, 20, 19).to(memory_format=layout).requires_grad_()
        same(value_and_gradients(compiled, x), value_and_gradients(model, x))
    with torch.no_grad():
        same((compiled(x),), (model(x),))


@pytest.mark.filterwarnings("ignore")  # of Inductor's own code
def test_by_inductor() -> None:
    model = network()
    compiled: Any = torch.compile(model, fullgraph=True)
    for batch in (4, 3):
        x = torch.randn(batch, 3, 20, 19, requires_grad=True)
        same(value_and_gradients(compiled, x), value_and_gradients(model, x))


@pytest.mark.parametrize("dynamic", [False, True])
def test_sizes_may_be_symbols_from_the_start(dynamic: bool) -> None:
    model = network()
    compiled = in_one_graph(model, dynamic=dynamic)
    for shape in ((4, 3, 20, 19), (2, 3, 20, 19), (2, 3, 24, 19), (0, 3, 20, 19)):
        x = torch.randn(shape, requires_grad=True)
        same((compiled(x),), (model(x),))


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True], ids=["convolution", "transposed"])
def test_every_layer(dims: int, transposed: bool) -> None:
    kind = getattr(pb.nn, f"BandConv{'Transpose' if transposed else ''}{dims}d")
    layer = kind(4, 6, 3, padding=1, keep=0.3, dtype=torch.float64)
    compiled = in_one_graph(layer)
    for shape in ((3, 4, *[7] * dims), (4, *[7] * dims)):
        x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        found, wanted = value_and_gradients(compiled, x), value_and_gradients(layer, x)
        same(found, wanted, tolerance=1e-9)
        assert found[0].stride() == wanted[0].stride()


def test_under_autocast() -> None:
    model = network()
    compiled = in_one_graph(model)
    x = torch.randn(4, 3, 20, 19, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, wanted = compiled(x), model(x)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, wanted, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_compiled_layer_holds_what_the_layer_holds(dtype: torch.dtype) -> None:
    layer = pb.nn.BandConv2d(8, 8, 3, padding=1, keep=0.25, dtype=dtype)
    x = torch.randn(4, 8, 32, 32, dtype=dtype, requires_grad=True)
    compiled = in_one_graph(layer)
    compiled(x)
    plan = layer.plan_for(x)
    assert plan.holds == "spectrum"
    assert pb.memory.saved(lambda: compiled(x).sum()).total == plan.held_bytes
    assert pb.memory.saved(lambda: layer(x).sum()).total == plan.held_bytes


def test_another_setting_is_another_graph() -> None:
    model = network()
    compiled = in_one_graph(model)
    x = torch.randn(4, 3, 20, 19)
    for keep in (0.3, 0.1, 1.0, 0.3):
        pb.set_band_(model, pb.Band(keep=keep))
        torch.testing.assert_close(compiled(x), model(x))
    model[0].stride_mode = "spectral"  # type: ignore[index]
    torch.testing.assert_close(compiled(x), model(x))
    pb.revert_(model)
    torch.testing.assert_close(compiled(x), model(x))


def test_a_band_made_inside() -> None:
    x, w = torch.randn(2, 3, 9, 9), torch.randn(5, 3, 3, 3)

    def function(x: Tensor) -> Tensor:
        return pb.functional.band_conv2d(x, w, padding=1, band=pb.Band(keep=0.3))

    torch.testing.assert_close(in_one_graph(function)(x), function(x))


def test_a_compiled_frozen_network_is_the_network() -> None:
    model = network().eval()
    pb.freeze_(model)
    compiled = in_one_graph(model)
    with torch.no_grad():
        for batch in (4, 3, 6):
            x = torch.randn(batch, 3, 20, 19)
            torch.testing.assert_close(compiled(x), model(x), rtol=1e-4, atol=1e-4)


def test_inside_a_scope_the_graph_breaks() -> None:
    layer = nn.Conv2d(3, 4, 3, padding=1)
    compiled = torch.compile(layer, backend="aot_eager")
    x = torch.randn(2, 3, 9, 9)
    for keep in (None, 0.3, 0.1, None):
        if keep is None:
            torch.testing.assert_close(compiled(x), layer(x))
            continue
        with pb.bandlimited(pb.Band(keep=keep)):
            torch.testing.assert_close(compiled(x), layer(x))


LAYER = pb.nn.BandConv2d(3, 4, 3, keep=0.3, dtype=torch.float64)
TRANSFORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "grad": torch.func.grad(lambda x: LAYER(x).square().sum()),
    "vmap": torch.func.vmap(LAYER),
    "jvp": lambda x: torch.func.jvp(LAYER, (x,), (x.cos(),))[1],
}


@pytest.mark.filterwarnings("ignore")  # PyTorch's, that finds more to compile behind the break
@pytest.mark.parametrize("name", TRANSFORMS)
def test_function_transforms_inside_break_the_graph(name: str) -> None:
    """An operator would have no tangent, silently."""
    x = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    transform = TRANSFORMS[name]
    torch.testing.assert_close(torch.compile(transform, backend="aot_eager")(x), transform(x))
    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported):
        in_one_graph(transform)(x)
