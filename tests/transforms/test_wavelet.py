"""The wavelet transform against a dense matrix made from the definition, and the filters' laws."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import passband as pb
from passband.transforms import dwt, idwt
from passband.transforms.wavelet import SCALING

WAVELETS = ("haar", "db2", "db3", "db4")
SPACES = [(1,), (2,), (3,), (8,), (13,), (5, 8), (6, 1), (7, 7), (3, 4, 5)]
Matrix = NDArray[np.float64]


def maps(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def step(wavelet: str, n: int) -> Matrix:
    """One step along an axis as a matrix: averages, an odd sample, details."""
    matrix = np.zeros((n, n))
    h = SCALING[wavelet]
    averages = (n + 1) // 2
    for k in range(n // 2):
        for j in range(len(h)):
            at = (2 * k + j) % (n - n % 2)
            matrix[k, at] += h[j]
            matrix[averages + k, at] += (-1) ** j * h[len(h) - 1 - j]
    if n % 2:
        matrix[averages - 1, n - 1] = 1
    return matrix


def dense(wavelet: str, space: Sequence[int], levels: int) -> Matrix:
    """The transform of flattened maps: at each level a step on the block of all averages."""
    whole: Matrix = np.eye(math.prod(space))
    for level in range(levels):
        block = [math.ceil(n / 2**level) for n in space]
        one: Any = np.ones((1, 1))
        for n in block:
            one = np.kron(one, step(wavelet, n))
        inside = np.zeros(space, dtype=bool)
        inside[tuple(slice(0, n) for n in block)] = True
        places = np.flatnonzero(inside)
        here = np.eye(math.prod(space))
        here[np.ix_(places, places)] = one
        whole = here @ whole
    return whole


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_filters_are_daubechies(wavelet: str) -> None:
    h = np.array(SCALING[wavelet])
    moments = len(h) // 2
    assert moments == {"haar": 1, "db2": 2, "db3": 3, "db4": 4}[wavelet]
    assert h.sum() == pytest.approx(math.sqrt(2), abs=1e-14)
    for shift in range(moments):
        product = h[2 * shift :] @ h[: len(h) - 2 * shift]
        assert product == pytest.approx(float(shift == 0), abs=1e-14)
    j = np.arange(len(h))
    g = (-1.0) ** j * h[::-1]
    for power in range(moments):
        assert g @ j.astype(float) ** power == pytest.approx(0, abs=1e-11)
    assert abs(g @ j.astype(float) ** moments) > 0.1  # and no more of them


def test_filters_have_the_published_values() -> None:
    root = math.sqrt(3)
    exact = [(1 + root), (3 + root), (3 - root), (1 - root)]
    assert SCALING["haar"] == pytest.approx([math.sqrt(0.5)] * 2, abs=1e-15)
    assert SCALING["db2"] == pytest.approx([e / math.sqrt(32) for e in exact], abs=1e-15)
    # Daubechies 1988, table 1, N = 3 and N = 4.
    assert SCALING["db3"] == pytest.approx(
        [0.332670552950, 0.806891509311, 0.459877502118, -0.135011020010, -0.085441273882,
         0.035226291882], abs=2e-11)  # fmt: skip
    assert SCALING["db4"] == pytest.approx(
        [0.230377813309, 0.714846570553, 0.630880767930, -0.027983769417, -0.187034811719,
         0.030841381836, 0.032883011667, -0.010597401785], abs=2e-11)  # fmt: skip


@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize("wavelet", WAVELETS)
def test_it_is_the_dense_orthogonal_matrix(wavelet: str, space: tuple[int, ...]) -> None:
    most = max(math.ceil(math.log2(n)) for n in space)
    x = maps(2, 3, *space)
    for levels in range(most + 1):
        matrix = dense(wavelet, space, levels)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-13)
        c = dwt(x, wavelet, levels)
        assert c.shape == x.shape
        np.testing.assert_allclose(
            c.reshape(6, -1).numpy(), x.reshape(6, -1).numpy() @ matrix.T, atol=1e-12
        )
        back = idwt(x, wavelet, levels)
        np.testing.assert_allclose(
            back.reshape(6, -1).numpy(), x.reshape(6, -1).numpy() @ matrix, atol=1e-12
        )
    torch.testing.assert_close(dwt(x, wavelet), c)  # as many levels as there can be
    torch.testing.assert_close(idwt(c, wavelet), x)
    torch.testing.assert_close(c.square().sum(), x.square().sum())


def test_haar_by_hand() -> None:
    x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])
    torch.testing.assert_close(dwt(x), torch.tensor([[[[8.0, -2.0], [-4.0, 0.0]]]]))
    odd = torch.tensor([[[4.0, 2.0, 1.0]]])  # the last sample is an average as it is
    root = math.sqrt(2)
    torch.testing.assert_close(dwt(odd, levels=1), torch.tensor([[[6 / root, 1.0, 2 / root]]]))


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_polynomials_have_no_details_but_at_the_border(wavelet: str) -> None:
    moments = len(SCALING[wavelet]) // 2
    x = torch.linspace(-1, 1, 64, dtype=torch.float64).pow(moments - 1).view(1, 1, -1)
    details = dwt(x, wavelet, 1)[0, 0, 32:]
    inside = 32 - (moments - 1)  # the others reach across the border
    assert details[:inside].abs().max() < 1e-13
    if moments == 2:
        assert details[inside:].abs().max() > 0.1


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("space", [(1,), (7,), (4, 5)], ids=str)
def test_derivatives_of_both_directions(wavelet: str, space: tuple[int, ...]) -> None:
    x = maps(1, 2, *space).requires_grad_()
    for transform in (dwt, idwt):
        assert torch.autograd.gradcheck(lambda t, f=transform: f(t, wavelet), x)
        assert torch.autograd.gradgradcheck(lambda t, f=transform: f(t, wavelet).square(), x)


def test_only_the_last_axes() -> None:
    x = maps(2, 3, 4, 5)
    rows = torch.from_numpy(dense("db2", (5,), 3))
    torch.testing.assert_close(dwt(x, "db2", dims=1), x @ rows.T)
    torch.testing.assert_close(dwt(x[0, 0], "db2", dims=2), dwt(x, "db2")[0, 0])


def test_no_levels_are_the_map_itself_but_not_its_memory() -> None:
    x = torch.randn(1, 2, 4)
    c = dwt(x, levels=0)
    torch.testing.assert_close(c, x, atol=0, rtol=0)
    assert c.data_ptr() != x.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 8, 9).to(dtype).requires_grad_()
    c = dwt(x, "db3")
    torch.testing.assert_close(c, dwt(x.float(), "db3").to(dtype), atol=0, rtol=0)
    (grad,) = torch.autograd.grad(c, x, torch.ones_like(c))
    assert c.dtype == grad.dtype == dtype


def test_single_precision_under_autocast_is_as_exact_as_its_numbers() -> None:
    x = torch.randn(2, 3, 28, 27)
    with torch.autocast("cpu", torch.bfloat16):
        c = dwt(x, "db4")
        back = idwt(c, "db4")
    torch.testing.assert_close(c, dwt(x.double(), "db4").float(), atol=3e-6, rtol=0)
    torch.testing.assert_close(back, x, atol=3e-6, rtol=0)


def test_channels_may_lie_last() -> None:
    x = maps(2, 3, 8, 9)
    torch.testing.assert_close(dwt(x.to(memory_format=torch.channels_last)), dwt(x))


def test_autograd_holds_nothing() -> None:
    x = torch.randn(2, 3, 8, 9, requires_grad=True)
    assert pb.memory.saved(lambda: idwt(dwt(x, "db2"), "db2")).total == 0


def test_no_maps_at_all_and_maps_without_memory() -> None:
    assert dwt(torch.zeros(0, 3, 6, 5)).shape == (0, 3, 6, 5)
    assert idwt(torch.zeros(2, 3, 6, 5, device="meta")).shape == (2, 3, 6, 5)


# Dynamo itself makes an instance of the autograd function, which PyTorch has deprecated.
@pytest.mark.filterwarnings("ignore:.*autograd.function.Function.*should not be instantiated")
def test_compiled_and_mapped_it_is_the_same() -> None:
    torch._dynamo.reset()
    x = maps(2, 3, 6, 5).requires_grad_()

    def loss(t: torch.Tensor) -> torch.Tensor:
        return idwt(dwt(t, "db2").tanh(), "db2").square().sum()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    (found,), (expected,) = (torch.autograd.grad(f(x), x) for f in (compiled, loss))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.func.grad(loss)(x.detach()), expected)
    mapped = torch.func.vmap(lambda t: dwt(t, "db2", dims=2), in_dims=1, out_dims=1)(x)
    torch.testing.assert_close(mapped, dwt(x, "db2"))


X = torch.zeros(1, 1, 4, 6)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ((X.int(),), TypeError, "torch.int32"),
        ((X.to(torch.cfloat),), TypeError, "torch.complex64"),
        ((X.numpy(),), TypeError, "ndarray"),
        ((X, "db5"), ValueError, "'db5'"),
        ((X, None), ValueError, "None"),
        ((X, ["haar"]), ValueError, "['haar']"),
        ((X, "db2", -1), ValueError, "got -1"),
        ((X, "db2", 4), ValueError, "(4, 6), at most 3; got 4"),
        ((X, "db2", 1.0), TypeError, "1.0"),
        ((X, "db2", True), TypeError, "True"),
        ((X, "db2", 1, 0), ValueError, "got 0"),
        ((X, "db2", 1, 5), RuntimeError, "(1, 1, 4, 6)"),
        ((X, "db2", 1, "2"), TypeError, "'2'"),
        ((X[0, 0],), RuntimeError, "(4, 6)"),
        ((X[..., :0],), RuntimeError, "(1, 1, 4, 0)"),
    ],
)
def test_it_is_refused_by_name(given: Any, error: type[Exception], told: str) -> None:
    for name in ("dwt", "idwt"):
        with pytest.raises(error, match=re.escape(told)) as caught:
            getattr(pb.transforms, name)(*given)
        assert type(caught.value) is error
        assert str(caught.value).startswith(f"{name}: ")
