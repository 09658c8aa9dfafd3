"""Saved bytes of small graphs by formula, and of ResNet-18 by the figure of DESIGN."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import passband as pb
from passband.lab.models import create_model
from passband.memory import SavedBytes, saved

KINDS = ("conv input", "norm", "activation", "other")


def by_kind(found: SavedBytes) -> tuple[int, ...]:
    assert tuple(found.by_kind) == KINDS
    return tuple(found.by_kind.values())


def leaf(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.ones(*shape, dtype=dtype).requires_grad_()


def test_resnet18_of_32x32_images_at_batch_32() -> None:
    torch.manual_seed(0)
    model = create_model("resnet18", num_classes=10, in_channels=3)
    images, labels = torch.randn(32, 3, 32, 32), torch.randint(10, (32,))
    found = saved(lambda: F.cross_entropy(model(images), labels))
    assert found.total / 2**20 == pytest.approx(143.5, abs=0.05)
    # and to the byte. Each map once: the image, 20 outputs of convolutions (held by the norm after
    # them) and 17 of ReLUs; two statistics for each channel of a norm
    maps = {64: 32 * 32, 128: 16 * 16, 256: 8 * 8, 512: 4 * 4}  # channels: samples
    convolutions = {64: 5, 128: 5, 256: 5, 512: 5}
    relus = {64: 5, 128: 4, 256: 4, 512: 4}
    norm = sum(n * 4 * c * (32 * maps[c] + 4) for c, n in convolutions.items())
    activation = sum(n * 4 * c * 32 * maps[c] for c, n in relus.items())
    head = 4 * 32 * 512 + 4 * 32 * 10 + 8 * 32 + 4  # of linear, log-softmax, labels, nll's weight
    assert by_kind(found) == (4 * images.numel(), norm, activation, head)


def conv_relu() -> Tensor:
    layer = nn.Conv2d(3, 5, 3)
    return F.relu(layer(torch.ones(2, 3, 8, 9)))


def conv_norm_relu() -> Tensor:
    layer = nn.Sequential(nn.Conv1d(3, 5, 3), nn.BatchNorm1d(5), nn.ReLU())
    out: Tensor = layer(torch.ones(2, 3, 10))
    return out


def conv_relu_pool_conv() -> Tensor:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 4, 3))
    out: Tensor = model(torch.ones(3, 1, 10, 10))
    return out


def norms() -> Tensor:
    group = nn.GroupNorm(2, 4)(leaf(2, 4, 6))
    layer = nn.LayerNorm(6)(group)
    return torch.stack([group, layer])


def activations() -> Tensor:
    x = leaf(10, 10)
    y = torch.tanh(x)  # holds its result, as sigmoid does
    z = y.sigmoid()
    return F.gelu(z) + F.silu(z)  # each holds z, counted for sigmoid


def a_view() -> Tensor:
    whole = leaf(100)
    return whole[:10] * whole[10:20]  # two views of one storage


def squares() -> Tensor:
    x = leaf(7)
    return x * x


def bilinear() -> Tensor:
    return leaf(3, 4) @ leaf(4, 5)


def dropped() -> Tensor:
    x = leaf(50)
    (x * x).sum()  # nobody keeps this graph
    return x.exp()


def backpropagated() -> Tensor:
    x = leaf(50)
    y = (x * x).sum()
    torch.autograd.backward(y)  # lets its tensors go
    return y


def detached() -> Tensor:
    return (leaf(50) * leaf(50)).detach()


def without_grad() -> Tensor:
    with torch.no_grad():
        return leaf(50) * leaf(50)


def nothing() -> None:
    leaf(50).exp()


def transposed() -> Tensor:
    return nn.ConvTranspose1d(3, 5, 4)(torch.ones(2, 3, 10))  # type: ignore[no-any-return]


TABLE: list[tuple[Callable[[], Tensor | None], tuple[int, ...]]] = [
    (conv_relu, (4 * 2 * 3 * 8 * 9, 0, 4 * 2 * 5 * 6 * 7, 0)),
    (conv_norm_relu, (4 * 2 * 3 * 10, 4 * 2 * 5 * 8 + 4 * 4 * 5, 4 * 2 * 5 * 8, 0)),
    # the pool holds its input (ReLU's output) and one int64 for each of its outputs
    (conv_relu_pool_conv, (4 * 3 * 100 + 4 * 3 * 2 * 16, 0, 4 * 3 * 2 * 64, 8 * 3 * 2 * 16)),
    # each holds its input and two statistics for each normalised set; then stack holds nothing
    (norms, (0, 2 * 4 * 2 * 4 * 6 + 2 * 4 * (2 * 2) + 2 * 4 * (2 * 4), 0, 0)),
    (activations, (0, 0, 2 * 400, 0)),
    (a_view, (0, 0, 0, 400)),
    (squares, (0, 0, 0, 28)),
    (bilinear, (0, 0, 0, 4 * 12 + 4 * 20)),
    (dropped, (0, 0, 0, 200)),
    (backpropagated, (0, 0, 0, 0)),
    (detached, (0, 0, 0, 0)),
    (without_grad, (0, 0, 0, 0)),
    (nothing, (0, 0, 0, 0)),
    (transposed, (4 * 2 * 3 * 10, 0, 0, 0)),
]


@pytest.mark.parametrize(("fn", "kinds"), TABLE, ids=[fn.__name__ for fn, _ in TABLE])
def test_bytes_by_formula(fn: Callable[[], Tensor | None], kinds: tuple[int, ...]) -> None:
    found = saved(fn)
    assert by_kind(found) == kinds
    assert found.total == sum(kinds)
    assert by_kind(saved(fn)) == kinds, "a second measurement is the same"


@pytest.mark.parametrize("size", [torch.float64, torch.bfloat16], ids=str)
def test_bytes_are_those_of_the_dtype(size: torch.dtype) -> None:
    assert saved(lambda: leaf(100, dtype=size).exp()).total == 100 * size.itemsize


PARAMETER = nn.Parameter(torch.ones(6, 4))


@pytest.mark.parametrize(
    "matrix",
    [lambda: PARAMETER, lambda: PARAMETER.T, lambda: PARAMETER[:3].T, lambda: PARAMETER.view(4, 6)],
    ids=["itself", "transposed", "slice", "reshaped"],
)
def test_parameters_and_their_views_do_not_count(matrix: Callable[[], Tensor]) -> None:
    def fn() -> Tensor:
        m = matrix()
        return torch.ones(5, m.shape[0]) @ m

    assert saved(fn).total == 4 * 5 * matrix().shape[0]


def test_a_copy_of_a_parameter_counts() -> None:
    x = leaf(5, 6)
    assert saved(lambda: x @ PARAMETER.clone()).total == 4 * 5 * 6 + 4 * 6 * 4


def test_under_autocast_the_casts_that_autograd_holds_count() -> None:
    conv = nn.Conv2d(3, 5, 3, bias=False)
    x = leaf(2, 3, 8, 8)

    def fn() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return F.relu(conv(x))

    # bfloat16 copies of map and weight (a copy is no parameter), and ReLU's bfloat16 output
    found = by_kind(saved(fn))
    assert found == (2 * x.numel() + 2 * conv.weight.numel(), 0, 2 * 2 * 5 * 36, 0)


def test_functions_that_a_memory_policy_leaves_alone_are_measured_too() -> None:
    model = nn.Sequential(
        nn.Conv1d(1, 2, 3), nn.Conv1d(2, 2, 3, padding="same"), nn.GroupNorm(1, 2),
        nn.AdaptiveAvgPool1d(1),
    )  # fmt: skip
    pb.convert_(model, None, memory=pb.MemoryPolicy.exact())
    with torch.autocast("cpu", torch.bfloat16):
        assert saved(lambda: model(torch.zeros(2, 1, 16))).total > 0


def test_nested_measurements_do_not_disturb_each_other() -> None:
    inside: list[SavedBytes] = []

    def inner() -> Tensor:
        return F.relu(leaf(30))

    def outer() -> Tensor:
        y = torch.tanh(leaf(10))
        inside.append(saved(inner))
        return torch.sigmoid(y.exp())

    found = saved(outer)
    assert by_kind(inside[0]) == (0, 0, 120, 0)
    # tanh's and sigmoid's results, and exp's
    assert by_kind(found) == (0, 0, 80, 40)


def test_the_kind_is_that_of_the_outermost_known_function_and_ends_with_it() -> None:
    def fn() -> Tensor:
        return F.instance_norm(leaf(2, 3, 20)).exp()

    assert by_kind(saved(fn))[1] >= 4 * 2 * 3 * 20
    assert by_kind(saved(fn))[3] == 4 * 2 * 3 * 20


def test_backward_after_a_measurement_gives_the_same_gradients() -> None:
    torch.manual_seed(0)
    conv, x = nn.Conv2d(2, 3, 3), torch.randn(2, 2, 8, 8)
    loss = conv(x).tanh().square().sum()
    expected = torch.autograd.grad(loss, tuple(conv.parameters()))
    kept: list[Tensor] = []

    def fn() -> Tensor:
        kept.append(conv(x).tanh().square().sum())
        return kept[0]

    saved(fn)
    for got, wanted in zip(
        torch.autograd.grad(kept[0], tuple(conv.parameters())), expected, strict=True
    ):
        assert torch.equal(got, wanted)


def test_the_graph_dies_with_the_measurement() -> None:
    alive: list[weakref.ref[Tensor]] = []

    def fn() -> Tensor:
        middle = leaf(1000).exp()
        alive.append(weakref.ref(middle))
        return F.relu(middle).sum()

    gc.disable()  # by reference counts alone: nothing waits for the collector
    try:
        assert saved(fn).total == 8000
        assert alive[0]() is None
    finally:
        gc.enable()


def test_an_error_in_the_function_leaves_nothing_behind() -> None:
    def fn() -> Tensor:
        leaf(10).exp()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        saved(fn)
    calls = 0

    def pack(t: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        leaf(10).exp()
    assert calls == 1, "the hooks on top are ours again"
    assert saved(lambda: leaf(10).exp()).total == 40


def test_storages_of_a_device_without_memory_are_distinct_too() -> None:
    # "The figure does not depend on the device": on meta every storage has the address 0.
    def fn(device: str) -> Tensor:
        layer = nn.Conv2d(3, 5, 3, device=device)
        return F.relu(layer(torch.ones(2, 3, 8, 9, device=device)))

    assert by_kind(saved(lambda: fn("meta"))) == by_kind(saved(lambda: fn("cpu")))


def test_text() -> None:
    x = leaf(1 << 18)
    assert str(saved(lambda: x.exp())) == (
        "1.00 MiB (conv input 0.0 KiB, norm 0.0 KiB, activation 0.0 KiB, other 1.00 MiB)"
    )
