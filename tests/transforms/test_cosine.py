"""The cosine transform against scipy's."""

from __future__ import annotations

import re
from typing import Any

import pytest
import scipy.fft
import torch

import passband as pb
from passband.transforms import cosine, dct, idct

SPACES = [(1,), (2,), (7,), (12,), (5, 8), (1, 6), (3, 4, 5), (7, 1, 2)]
LONG = [(255,), (256,), (257,), (300,), (259, 3), (2, 258)]


def maps(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("space", SPACES + LONG, ids=str)
def test_it_is_scipys(space: tuple[int, ...]) -> None:
    x = maps(2, 3, *space)
    axes = range(2, x.dim())
    expected = scipy.fft.dctn(x.numpy(), type=2, norm="ortho", axes=axes)
    torch.testing.assert_close(dct(x), torch.from_numpy(expected))
    back = scipy.fft.idctn(x.numpy(), type=2, norm="ortho", axes=axes)
    torch.testing.assert_close(idct(x), torch.from_numpy(back))


@pytest.mark.parametrize("space", SPACES + LONG, ids=str)
def test_energy_is_preserved_and_the_inverse_is_the_adjoint(space: tuple[int, ...]) -> None:
    x, c = maps(2, 3, *space), maps(2, 3, *space)
    torch.testing.assert_close(dct(x).square().sum(), x.square().sum())
    torch.testing.assert_close(idct(dct(x)), x)
    torch.testing.assert_close((dct(x) * c).sum(), (x * idct(c)).sum())


@pytest.mark.parametrize("by_matrix", [0, 256])
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_derivatives_of_both_directions(
    space: tuple[int, ...], by_matrix: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosine, "BY_MATRIX", by_matrix)
    x = maps(1, 2, *space).requires_grad_()
    for transform in (dct, idct):
        assert torch.autograd.gradcheck(transform, x)
        assert torch.autograd.gradgradcheck(lambda t, f=transform: f(t).square(), x)


def test_only_the_last_axes() -> None:
    x = maps(2, 3, 4, 5)
    one = scipy.fft.dct(x.numpy(), type=2, norm="ortho")
    torch.testing.assert_close(dct(x, 1), torch.from_numpy(one))
    torch.testing.assert_close(idct(dct(x, 1), 1), x)
    torch.testing.assert_close(dct(x[0, 0], 2), dct(x)[0, 0])


@pytest.mark.parametrize("space", [(28, 27), (4096,)])
def test_single_precision_is_as_exact_as_its_numbers(space: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, *space)
    torch.testing.assert_close(dct(x), dct(x.double()).float(), atol=3e-6, rtol=0)
    torch.testing.assert_close(idct(dct(x)), x, atol=3e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("space", [(8, 9), (300,)])
def test_half_precision_is_computed_in_float32(space: tuple[int, ...], dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, *space).to(dtype).requires_grad_()
    c = dct(x)
    torch.testing.assert_close(c, dct(x.float()).to(dtype), atol=0, rtol=0)
    (grad,) = torch.autograd.grad(c, x, torch.ones_like(c))
    assert c.dtype == grad.dtype == dtype


def test_autocast_changes_nothing() -> None:
    x = torch.randn(2, 3, 8, 9)
    expected = dct(x)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(dct(x), expected, atol=0, rtol=0)


def test_channels_may_lie_last() -> None:
    x = maps(2, 3, 8, 9)
    last = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(dct(last), dct(x))


@pytest.mark.parametrize("space", [(8, 9), (300,)])
def test_autograd_holds_nothing(space: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, *space, requires_grad=True)
    assert pb.memory.saved(lambda: idct(dct(x))).total == 0


@pytest.mark.parametrize("space", [(6, 5), (300,)])
def test_no_maps_at_all_and_maps_without_memory(space: tuple[int, ...]) -> None:
    assert dct(torch.zeros(0, 3, *space)).shape == (0, 3, *space)
    assert idct(torch.zeros(2, 3, *space, device="meta")).shape == (2, 3, *space)


# Dynamo itself makes an instance of the autograd function, which PyTorch has deprecated.
@pytest.mark.filterwarnings("ignore:.*autograd.function.Function.*should not be instantiated")
@pytest.mark.parametrize("space", [(6, 5), (300,)])
def test_compiled_and_mapped_it_is_the_same(space: tuple[int, ...]) -> None:
    torch._dynamo.reset()
    x = maps(2, 3, *space).requires_grad_()

    def loss(t: torch.Tensor) -> torch.Tensor:
        return idct(dct(t).tanh()).square().sum()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    (found,), (expected,) = (torch.autograd.grad(f(x), x) for f in (compiled, loss))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.func.grad(loss)(x.detach()), expected)
    mapped = torch.func.vmap(lambda t: dct(t, len(space)), in_dims=1, out_dims=1)(x)
    torch.testing.assert_close(mapped, dct(x))


def test_what_a_tracer_made_is_not_kept() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        dct(torch.zeros(1, 1, 77))
    assert dct(torch.ones(1, 1, 77))[0, 0, 0].item() == pytest.approx(77**0.5)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ((torch.zeros(1, 1, 4, dtype=torch.int32),), TypeError, "torch.int32"),
        ((torch.zeros(1, 1, 4, dtype=torch.cfloat),), TypeError, "torch.complex64"),
        (([1.0, 2.0],), TypeError, "list"),
        ((torch.zeros(1, 1, 4), 1.5), TypeError, "1.5"),
        ((torch.zeros(1, 1, 4), True), TypeError, "True"),
        ((torch.zeros(1, 1, 4), 0), ValueError, "got 0"),
        ((torch.zeros(1, 1, 4), -1), ValueError, "got -1"),
        ((torch.zeros(1, 1, 4), 4), RuntimeError, "(1, 1, 4)"),
        ((torch.zeros(3, 4),), RuntimeError, "(3, 4)"),
        ((torch.zeros(1, 1, 4, 0),), RuntimeError, "(1, 1, 4, 0)"),
    ],
)
def test_it_is_refused_by_name(given: Any, error: type[Exception], told: str) -> None:
    for name in ("dct", "idct"):
        with pytest.raises(error, match=re.escape(told)) as caught:
            getattr(pb.transforms, name)(*given)
        assert type(caught.value) is error
        assert str(caught.value).startswith(f"{name}: ")
