"""The compiled CPU kernels against dense matrices, and what `plan="fused"` computes with them."""

from __future__ import annotations

import copy
import functools
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ctypes import CDLL
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode
from transform_cases import CASES, NORMS, Axes, assert_near, axis, dense, maps, spectra

import passband as pb
from cases import CONV, ONE_BIN, STRIDED, TRANSPOSED, Case, assert_as_oracle, named
from oracle import Cut
from passband.kernels import cpu as kernels
from passband.kernels.cpu import library as loading
from passband.kernels.cpu import tables
from passband.transforms.fourier import Norm, count
from passband.transforms.layout import is_channels_last

pytestmark = pytest.mark.skipif(loading.library() is None, reason=str(loading.missing()))

Complex = npt.NDArray[np.complex128]
DTYPES = {torch.float32: 2e-6, torch.bfloat16: 1e-2}  # tolerance, of the largest value
TAILS = (1, 3, 15, 16, 17, 33)  # channels that fill no, one and more vectors, and parts of them
ORDERS = {"channels first": False, "channels last": True}
VARIANTS = loading._variants()


@functools.cache
def loaded(variant: str) -> CDLL | None:
    path = Path(loading.__file__).parent / f"_kernels_{variant}.so"
    return CDLL(str(path)) if path.is_file() else None


@pytest.fixture(params=VARIANTS, autouse=True)
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each library that this CPU can run, not only the best."""
    found = loaded(request.param)
    if found is None:
        pytest.skip(f"there is no _kernels_{request.param}.so")
    monkeypatch.setattr(loading, "_load", lambda: found)


@contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    yield
    torch.set_num_threads(before)


# Transforms


def assert_transforms(axes: Axes, norm: Norm, x: Tensor, z: Tensor, *, last: bool) -> None:
    """Both directions are the dense matrix."""
    matrix, space = dense(axes, norm), list(range(2, x.ndim))
    spectrum = kernels.analysis(x, axes, norm)
    expected = torch.tensordot(matrix, x.double(), (space, space))
    assert_near(spectrum, expected, DTYPES[x.dtype])
    assert spectrum.is_contiguous()
    assert spectrum.dtype == x.dtype
    back = kernels.adjoint(z, axes, norm, last=last)
    expected = torch.tensordot(z.double(), matrix, ([0, 1], [0, 1]))
    assert_near(back, expected, DTYPES[z.dtype])
    assert (back.movedim(1, -1) if last else back).is_contiguous()
    assert back.dtype == z.dtype


@pytest.mark.parametrize("last", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_both_directions_are_the_dense_matrix(
    name: str, dtype: torch.dtype, norm: Norm, last: bool
) -> None:
    x, z = maps(name, dtype, last=last), spectra(name, dtype)
    assert_transforms(CASES[name][0], norm, x, z, last=last)


@pytest.mark.parametrize("last", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("channels", TAILS)
@pytest.mark.parametrize("name", ["odd", "nyquist", "series"])
def test_any_number_of_channels(
    name: str, channels: int, n: int, dtype: torch.dtype, last: bool
) -> None:
    axes = CASES[name][0]
    space = [a.grid.count for a in axes]
    x = torch.randn(n, *space, channels).movedim(-1, 1)
    x = x if last else x.contiguous()
    z = torch.randn(count(axes), 2, n, channels)
    assert_transforms(axes, "parseval", x.to(dtype), z.to(dtype), last=last)


@pytest.mark.parametrize("last", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", [name for name in CASES if "tiles" not in name])
def test_adjointness(name: str, norm: Norm, last: bool) -> None:
    """As matrices, entry by entry: those of each unit map, and of each unit spectrum."""
    axes = CASES[name][0]
    space, bins = [a.grid.count for a in axes], count(axes)
    samples = int(np.prod(space))
    there = kernels.analysis(torch.eye(samples).view(1, samples, *space), axes, norm)
    unit = torch.eye(2 * bins).view(bins, 2, 1, 2 * bins)
    back = kernels.adjoint(unit, axes, norm, last=last)
    matrix, turned = there.view(2 * bins, samples), back.reshape(2 * bins, samples)
    torch.testing.assert_close(matrix, turned, rtol=0, atol=1e-6 * float(matrix.abs().max()))
    x, z = maps(name, last=last), spectra(name)
    ahead = (kernels.analysis(x, axes, norm).double() * z).sum()
    behind = (kernels.adjoint(z, axes, norm, last=last).double() * x).sum()
    norms = z.double().norm() * kernels.analysis(x, axes, norm).double().norm()
    assert abs(ahead - behind) <= 1e-6 * norms


def sliced(t: Tensor) -> Tensor:
    wide = torch.zeros(*t.shape[:-1], 2 * t.shape[-1], dtype=t.dtype)
    wide[..., ::2] = t
    return wide[..., ::2]


def reordered(t: Tensor) -> Tensor:
    return t.permute(*reversed(range(t.ndim))).contiguous().permute(*reversed(range(t.ndim)))


def expanded(t: Tensor) -> Tensor:
    return t[:, :, :, :1].expand(t.shape)


def part_of_channels_last(t: Tensor) -> Tensor:
    wide = torch.cat([t, t], dim=1).movedim(1, -1).contiguous().movedim(-1, 1)
    return wide[:, : t.shape[1]]


def negated(t: Tensor) -> Tensor:
    return torch._neg_view(-t)  # -1 times what lies in memory, which nobody has computed


LAID = (sliced, reordered, expanded, part_of_channels_last, negated)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("lay", LAID, ids=lambda lay: lay.__name__)
@pytest.mark.parametrize("last", ORDERS.values(), ids=ORDERS)
def test_however_they_lie(lay: Callable[[Tensor], Tensor], last: bool, dtype: torch.dtype) -> None:
    axes = CASES["odd"][0]
    x, z = lay(maps("odd", dtype)), lay(spectra("odd", dtype))
    if not all(kernels.supports(t, axes) for t in (x, z)):
        pytest.skip("they are PyTorch's")
    for _ in range(3):
        assert_transforms(axes, "parseval", x, z, last=last)


@pytest.mark.parametrize("last", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("name", ["odd", "blocks of channels", "series, nyquist"])
def test_transforms_on_more_threads_are_the_same_bits(name: str, last: bool) -> None:
    axes, x, z = CASES[name][0], maps(name, last=last), spectra(name)
    one = kernels.analysis(x, axes, "none"), kernels.adjoint(z, axes, "none", last=last)
    for number in (1, 2, 3):
        with threads(number):
            assert torch.equal(kernels.analysis(x, axes, "none"), one[0])
            assert torch.equal(kernels.adjoint(z, axes, "none", last=last), one[1])


@pytest.mark.parametrize("shape", [(0, 3, 8, 10), (3, 0, 8, 10)])
def test_no_maps(shape: tuple[int, ...]) -> None:
    axes = CASES["odd"][0]
    spectrum = kernels.analysis(torch.zeros(shape), axes, "parseval")
    assert spectrum.shape == (count(axes), 2, *shape[:2])
    for last in (False, True):
        assert kernels.adjoint(spectrum, axes, "parseval", last=last).shape == shape


def test_three_axes_and_other_numbers_are_left_to_pytorch() -> None:
    one = CASES["series"][0][0]
    x = torch.zeros(2, 2, *[one.grid.count] * 2)
    assert kernels.supports(x, (one, one))
    assert not kernels.supports(x[..., None], (one, one, one))
    for other in (x.double(), x.half(), x.int(), x.to("meta")):
        assert not kernels.supports(other, (one, one))
    large = axis(10_001, 5000, 10_000)  # tables that nobody wants to keep
    assert not kernels.fits((large,), torch.float32)


def test_tables_lie_on_the_cpu_whatever_the_default_device() -> None:
    tables.tables.cache_clear()
    with torch.device("meta"):
        made: Any = tables.tables(CASES["odd"][0], "parseval")
    plus, minus, rows, columns = made.held
    assert {t.device.type for t in (plus, minus, *rows, *columns)} == {"cpu"}


# Products


FILTERS: dict[str, Axes] = {
    "3x3": (axis(15, 6, 3, 1, -1), axis(13, 4, 3, 1, -1)),
    "5x5": (axis(12, 4, 5, 2, -1), axis(13, 5, 5, 2, -1)),
    "1x7": (axis(9, 3, 1), axis(14, 5, 7, 3, -1)),
    "7x1": (axis(14, 5, 7, 3, -1), axis(9, 3, 1)),
    "1x1": (axis(9, 3, 1), axis(9, 4, 1)),
    "dilated": (axis(15, 6, 3, 2, -2), axis(16, 4, 3, 3, -3)),
    "even": (axis(12, 4, 2, 0, -1), axis(11, 4, 4, 1, -1)),
    "nyquist": (axis(8, 5, 3, 1, -1), axis(6, 4, 3, 1, -1)),
    "nyquist first": (axis(8, 5, 3, 1, -1), axis(9, 3, 3, 1, -1)),
    "nyquist last": (axis(9, 3, 3, 1, -1), axis(8, 5, 3, 1, -1)),
    "one bin": (axis(9, 1, 3, 1, -1), axis(9, 1, 3, 1, -1)),
    "one mode first": (axis(9, 1, 3, 1, -1), axis(9, 4, 3, 1, -1)),
    "many modes": (axis(65, 30, 3, 1, -1), axis(61, 25, 3, 1, -1)),
    "longer than the ring": (axis(4, 2, 7, 3, -1), axis(5, 3, 6, 3, -1)),
    "series": (axis(40, 12, 5, 2, -1),),
    "series, nyquist": (axis(16, 9, 4, 1, -1),),
    "long filter": (axis(200, 9, 49, 24, -1),),
}
# Filters, batch size, input channels, output channels.
PRODUCTS = [
    *((name, 3, *channels) for name in FILTERS for channels in ((5, 18), (18, 5))),
    *((name, 4, c, o) for name in ("3x3", "series") for c in TAILS for o in TAILS),
    *(("3x3", n, 6, 19) for n in (*range(1, 10), 32)),
    *((name, 1, *channels) for name in FILTERS for channels in ((5, 18), (70, 33))),
]


def in_complex(t: Tensor) -> Complex:
    """`(bins, 2, …)`, real and imaginary part."""
    re, im = t.double().numpy().swapaxes(0, 1)
    return np.asarray(re + 1j * im)


def in_real(z: Complex) -> Tensor:
    return torch.from_numpy(np.stack([z.real, z.imag], axis=1))


def filter_spectra(weight: Tensor, axes: Axes) -> Complex:
    taps = list(range(2, weight.ndim))
    return in_complex(torch.tensordot(dense(axes, "none"), weight.double(), (taps, taps)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("name", "n", "c", "o"), PRODUCTS)
def test_products_are_those_of_complex_numbers(
    name: str, n: int, c: int, o: int, dtype: torch.dtype
) -> None:
    axes, tolerance = FILTERS[name], DTYPES[dtype]
    weight = torch.randn(o, c, *(a.grid.count for a in axes)).to(dtype)
    in_rows = weight.movedim(1, -1).contiguous().movedim(-1, 1)
    source = torch.randn(count(axes), 2, n, c).to(dtype)
    target = torch.randn(count(axes), 2, n, o).to(dtype)
    assert kernels.multiplies(axes, 1, source, target)
    f, s, t = filter_spectra(weight, axes), in_complex(source), in_complex(target)

    expected = in_real(np.einsum("bnc,boc->bno", s, f))
    found = kernels.multiply(source, weight, axes)
    assert_near(found, expected, tolerance)
    by_taps = kernels.packed(weight, axes, back=False)
    assert torch.equal(kernels.multiply(source, weight, axes, by_taps), found)
    assert torch.equal(kernels.multiply(source, in_rows, axes), found)

    expected = in_real(np.einsum("bno,boc->bnc", t, f.conj()))
    found = kernels.multiply_back(target, weight, axes)
    assert_near(found, expected, tolerance)
    by_taps = kernels.packed(weight, axes, back=True)
    assert torch.equal(kernels.multiply_back(target, weight, axes, by_taps), found)
    assert torch.equal(kernels.multiply_back(target, in_rows, axes), found)

    across = in_real(np.einsum("bno,bnc->boc", t, s.conj()))
    expected = torch.tensordot(across, dense(axes, "none"), ([0, 1], [0, 1]))
    for last in (False, True):
        found = kernels.multiply_across(target, source, axes, last=last)
        assert_near(found, expected, tolerance)
        assert not last or weight.dim() == 3 or found.movedim(1, -1).is_contiguous()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("lay", LAID[:3], ids=lambda lay: lay.__name__)
def test_products_however_they_lie(lay: Callable[[Tensor], Tensor], dtype: torch.dtype) -> None:
    axes = FILTERS["3x3"]
    weight = lay(torch.randn(17, 6, 3, 3).to(dtype))
    source = lay(torch.randn(count(axes), 2, 4, 6).to(dtype))
    target = lay(torch.randn(count(axes), 2, 4, 17).to(dtype))
    plain = [t.clone(memory_format=torch.contiguous_format) for t in (weight, source, target)]

    def products(weight: Tensor, source: Tensor, target: Tensor) -> list[Tensor]:
        return [
            kernels.multiply(source, weight, axes),
            kernels.multiply(source, weight, axes, kernels.packed(weight, axes, back=False)),
            kernels.multiply_back(target, weight, axes),
            kernels.multiply_across(target, source, axes, last=False),
        ]

    expected = products(*plain)
    for _ in range(3):
        for one, other in zip(products(weight, source, target), expected, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ["3x3", "series"])
def test_products_on_more_threads_are_the_same_bits(name: str, dtype: torch.dtype) -> None:
    axes = FILTERS[name]
    weight = torch.randn(40, 35, *(a.grid.count for a in axes)).to(dtype)
    source = torch.randn(count(axes), 2, 4, 35).to(dtype)
    target = torch.randn(count(axes), 2, 4, 40).to(dtype)

    def products() -> list[Tensor]:
        return [
            kernels.multiply(source, weight, axes),
            kernels.multiply_back(target, weight, axes),
            kernels.multiply_across(target, source, axes, last=False),
        ]

    expected = products()
    for number in (1, 2, 3):
        with threads(number):
            for one, other in zip(products(), expected, strict=True):
                assert torch.equal(one, other)


def test_what_is_left_to_pytorchs_products() -> None:
    axes = FILTERS["3x3"]
    z = torch.zeros(count(axes), 2, 4, 6)
    assert kernels.multiplies(axes, 1, z)
    assert not kernels.multiplies(axes, 2, z)
    assert not kernels.multiplies(axes, 1, z, z.double())
    assert not kernels.multiplies((axis(31, 5, 20), axis(31, 5, 20)), 1, z), "400 taps"


# Convolutions


@pytest.mark.parametrize("keep", [1.0, 0.5, 0.25, ONE_BIN])
@pytest.mark.parametrize("case", CONV, ids=str)
def test_convolution_is_the_oracles(case: Case, keep: float) -> None:
    assert_as_oracle(case, Cut(keep=keep), "fused", dtype=torch.float32, tolerance=1e-5)


@pytest.mark.parametrize("case", STRIDED, ids=str)
def test_spectral_stride_is_the_oracles(case: Case) -> None:
    how: Any = {"stride_mode": "spectral", "dtype": torch.float32, "tolerance": 1e-5}
    assert_as_oracle(case, Cut(keep=0.5), "fused", **how)


@pytest.mark.parametrize("keep", [1.0, 0.5, 0.25, ONE_BIN])
@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_transposed_convolution_is_the_oracles(case: Case, keep: float) -> None:
    how: Any = {"transposed": True, "dtype": torch.float32, "tolerance": 1e-5}
    assert_as_oracle(case, Cut(keep=keep), "fused", **how)


@pytest.mark.parametrize("case", named(CONV, "1d-stride", "2d", "2d-depthwise", "3d"), ids=str)
def test_double_precision_is_computed_in_double(case: Case) -> None:
    assert_as_oracle(case, Cut(keep=0.5), "fused")


def both(x: Tensor, taps: tuple[int, ...], *, keep: float = 0.3, **options: Any) -> list[Any]:
    """The functions of map, weight and bias that the ways `"fused"` and `"dft"` compute."""
    transposed = options.pop("transposed", False)
    name = f"band_conv{'_transpose' if transposed else ''}{len(taps) - 2}d"
    form, band = getattr(pb.functional, name), pb.Band(keep=keep)
    return [functools.partial(form, band=band, plan=plan, **options) for plan in ("fused", "dft")]


def tensors(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [torch.randn(shape, requires_grad=True) for shape in shapes]


def drawn(seed: int) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], bool]:
    """Shapes of a map and a weight, arguments, and whether channels lie last."""
    rng = random.Random(seed)
    dims, channels = rng.choice([1, 2, 2]), (1, 2, 3, 5, 8, 15, 16, 17, 20, 33)
    n, c, o = rng.randint(1, 6), rng.choice(channels), rng.choice(channels)
    taps = tuple(rng.choice([1, 2, 3, 3, 4, 5, 7]) for _ in range(dims))
    dilation = tuple(rng.choice([1, 1, 1, 2, 3]) for _ in range(dims))
    padding = tuple(rng.randint(0, d * (k - 1)) for k, d in zip(taps, dilation, strict=True))
    least = (d * (k - 1) + 1 for k, d in zip(taps, dilation, strict=True))
    size = tuple(
        max(1, reach - 2 * p) + rng.randint(0, 14) for reach, p in zip(least, padding, strict=True)
    )
    options: dict[str, Any] = {
        "stride": tuple(rng.choice([1, 1, 2, 3]) for _ in range(dims)),
        "padding": padding,
        "dilation": dilation,
        "keep": rng.choice([0.05, 0.2, 0.5, 0.7, 0.9, 1.0, ONE_BIN]),
    }
    if rng.random() < 0.25:
        options |= {"transposed": True, "padding": 0}
        return (n, c, *size), (c, o, *taps), options, rng.random() < 0.5
    if rng.random() < 0.3 and all(p <= s for p, s in zip(padding, size, strict=True)):
        options["padding_mode"] = "circular"
    return (n, c, *size), (o, c, *taps), options, rng.random() < 0.5


@pytest.mark.parametrize("seed", range(200))
def test_it_is_the_matrix_transforms_convolution(seed: int) -> None:
    shape, taps, options, last = drawn(seed)
    x, w = tensors(shape, taps)
    b = torch.randn(taps[1 if options.get("transposed") else 0], requires_grad=True)
    if last:
        x = x.detach().movedim(1, -1).contiguous().movedim(-1, 1).requires_grad_()
    results = []
    for form in both(x, taps, **options):
        y = form(x, w, b)
        assert is_channels_last(y) == is_channels_last(x) or 1 in (y.shape[1], y[0, 0].numel())
        seed_of = torch.Generator().manual_seed(seed)
        cotangent = torch.randn(y.shape, generator=seed_of)
        results.append([y.detach(), *torch.autograd.grad(y, (x, w, b), cotangent)])
    for found, expected in zip(*results, strict=True):
        scale = float(expected.abs().max())
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * max(scale, 1e-2))


SETTINGS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((3, 4, 20), (6, 4, 5), {"padding": 2}),
    ((3, 4, 12, 11), (6, 4, 3, 3), {"padding": 1}),
    ((3, 4, 12, 11), (6, 4, 3, 3), {"padding": 1, "keep": 0.9}),  # the map is held
    ((3, 4, 12, 11), (6, 2, 3, 3), {"groups": 2, "stride": 2}),
    ((3, 4, 12, 11), (4, 1, 3, 3), {"groups": 4}),
    ((3, 4, 6, 5), (4, 6, 3, 3), {"stride": 2, "transposed": True}),
]


@pytest.mark.parametrize(("shape", "taps", "options"), SETTINGS)
def test_gradients_of_gradients(
    shape: tuple[int, ...], taps: tuple[int, ...], options: dict[str, Any]
) -> None:
    x, w = tensors(shape, taps)
    results = []
    for form in both(x, taps, **options):
        y = form(x, w)
        first = torch.autograd.grad(y.square().sum(), (x, w), create_graph=True)
        size = torch.cat([g.flatten() for g in first]).square().sum()
        second = torch.autograd.grad(size, (x, w))
        results.append([y, *first, *second])
    for found, expected in zip(*results, strict=True):
        assert_near(found.detach(), expected.detach().double(), 1e-5)


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2)])
@pytest.mark.parametrize(("shape", "taps", "options"), SETTINGS)
def test_only_the_gradients_that_are_wanted(
    shape: tuple[int, ...], taps: tuple[int, ...], options: dict[str, Any], wanted: tuple[int, ...]
) -> None:
    given = [torch.randn(shape), torch.randn(taps), torch.randn(6 if taps[-3] != 1 else 4)]
    for i in wanted:
        given[i].requires_grad_()
    results = []
    for form in both(given[0], taps, **options):
        y = form(*given)
        results.append(torch.autograd.grad(y.square().sum(), [given[i] for i in wanted]))
    for found, expected in zip(*results, strict=True):
        assert_near(found, expected.double(), 1e-5)


@pytest.mark.parametrize(("shape", "taps", "options"), SETTINGS)
def test_function_transforms(
    shape: tuple[int, ...], taps: tuple[int, ...], options: dict[str, Any]
) -> None:
    x, w = torch.randn(shape), torch.randn(taps)
    many, filters = torch.randn(2, *shape), torch.randn(2, *taps)
    results = []
    for form in both(x, taps, **options):
        grad = torch.func.grad(lambda w, form=form: form(x, w).square().sum())
        results.append([
            grad(w),
            torch.vmap(form, (0, None))(many, w),
            torch.vmap(form, (None, 0))(x, filters),
            torch.vmap(grad)(filters),
        ])  # fmt: skip
    for found, expected in zip(*results, strict=True):
        assert_near(found, expected.double(), 1e-5)


# PyTorch itself uses what it deprecates.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_forward_mode_where_nothing_is_recorded() -> None:
    x, w, tangent = torch.randn(2, 4, 12), torch.randn(5, 4, 3), torch.randn(2, 4, 12)
    found = []
    for form in both(x, (5, 4, 3)):
        with torch.no_grad(), forward_ad.dual_level():
            y = form(forward_ad.make_dual(x, tangent), w)
            found.append(forward_ad.unpack_dual(y).tangent)
    assert found[0] is not None
    assert_near(found[0], found[1].double(), 1e-5)


class Watching(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("shape", "taps", "options"), SETTINGS)
def test_who_watches_operations_sees_them(
    shape: tuple[int, ...], taps: tuple[int, ...], options: dict[str, Any]
) -> None:
    x, w = torch.randn(shape), torch.randn(taps)
    form, reference = both(x, taps, **options)
    with Watching() as watch:
        y = form(x, w)
    assert {"aten.mm.default", "aten.bmm.default"} & set(watch.seen)
    assert_near(y, reference(x, w).double(), 1e-5)
    with FakeTensorMode() as mode:
        fake = form(mode.from_tensor(x), mode.from_tensor(w))
    assert fake.shape == y.shape
    assert_near(form(x, w), y.double(), 1e-5)


def model() -> nn.Sequential:
    layers = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 17, 3, stride=2),
        nn.Conv2d(17, 17, 3, groups=17, padding=1, padding_mode="circular"),
        nn.Conv2d(17, 3, (5, 1)),
    )
    pb.convert_(layers, pb.Band(keep=0.3), plan="fused")
    return layers.eval()


def test_a_frozen_layer_packs_its_weight_once(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, x = model(), torch.randn(2, 2, 10, 9)
    made: list[tuple[int, ...]] = []
    packed = kernels.packed

    def counting(weight: Tensor, axes: Axes, *, back: bool) -> Tensor:
        made.append(tuple(weight.shape))
        return packed(weight, axes, back=back)

    monkeypatch.setattr(kernels, "packed", counting)
    with torch.no_grad():
        expected = layers(x)
        made.clear()
        pb.freeze_(layers)
        for _ in range(3):
            torch.testing.assert_close(layers(x), expected)
        assert made == [(4, 2, 3, 3), (4, 17, 3, 3), (3, 17, 5, 1)]
        next(layers.parameters()).mul_(2)
        found = layers(x)
        assert len(made) == 4
        pb.unfreeze_(layers)
        torch.testing.assert_close(found, layers(x))
        for layer in layers:
            if isinstance(layer, pb.nn.BandConv2d | pb.nn.BandConvTranspose2d):
                layer.plan = "dft"
        torch.testing.assert_close(found, layers(x), rtol=1e-4, atol=1e-5)


FROZEN: dict[str, tuple[type[pb.nn.BandConv2d | pb.nn.BandConvTranspose2d], dict[str, Any]]] = {
    "padded": (pb.nn.BandConv2d, {"padding": 1}),
    "no bias": (pb.nn.BandConv2d, {"bias": False}),
    "strided": (pb.nn.BandConv2d, {"stride": 2, "dilation": 2, "padding": 1}),
    "a period": (pb.nn.BandConv2d, {"padding": 1, "padding_mode": "circular"}),
    "reflected": (pb.nn.BandConv2d, {"padding": 1, "padding_mode": "reflect"}),
    "spectral stride": (pb.nn.BandConv2d, {"stride": 2, "stride_mode": "spectral"}),
    "groups": (pb.nn.BandConv2d, {"groups": 2}),
    "transposed": (pb.nn.BandConvTranspose2d, {"stride": 2, "output_padding": 1}),
}


@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n", [1, 3])
def test_a_frozen_layer_is_the_layer(name: str, order: str, n: int) -> None:
    kind, arguments = FROZEN[name]
    layer = kind(6, 34, 3, **arguments, keep=0.4, plan="dft")
    x = torch.randn(n, 6, 10, 11)
    x = x.to(memory_format=torch.channels_last) if ORDERS[order] else x
    with torch.no_grad():
        expected, alone = layer(x), layer(x[0])
        with torch.autocast("cpu", torch.bfloat16):
            rough = layer(x)
        layer.plan = "fused"
        layer.freeze()
        for _ in range(2):
            found = layer(x)
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            assert found.stride() == expected.stride()
            torch.testing.assert_close(layer(x[0]), alone, rtol=1e-4, atol=1e-5)
            with torch.autocast("cpu", torch.bfloat16):
                torch.testing.assert_close(layer(x), rough, rtol=3e-2, atol=3e-2)


def test_a_frozen_layer_sees_every_change() -> None:
    layer = pb.nn.BandConv2d(6, 6, 3, padding=1, keep=0.4, plan="fused")
    layer.freeze()
    x, last = torch.randn(2, 6, 10, 10), torch.channels_last
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: setattr(layer, "band", pb.Band(keep=0.2)),
        lambda: setattr(layer, "padding", (0, 1)),
        lambda: setattr(layer, "padding", [2, 1]),
        lambda: cast("list[int]", layer.padding).reverse(),
        lambda: setattr(layer, "stride", 2),
        lambda: setattr(layer, "padding_mode", "reflect"),
        lambda: setattr(layer, "_reversed_padding_repeated_twice", [1, 1, 1, 1]),
        lambda: layer.weight.mul_(2),
        lambda: layer.bias is not None and layer.bias.add_(1),
        lambda: setattr(layer, "bias", None),
        lambda: setattr(layer, "weight", nn.Parameter(torch.randn(6, 6, 5, 3))),
        lambda: layer.to(memory_format=last),  # type: ignore[call-overload]
        lambda: layer.double(),
    ]
    with torch.no_grad():
        for change in changes:
            change()
            for given in (x, x[:1], x.to(memory_format=last), x.double(), x[..., ::2, :]):
                given = given.to(layer.weight.dtype)
                fresh = copy.deepcopy(layer)
                fresh.unfreeze()
                for _ in range(2):
                    torch.testing.assert_close(layer(given), fresh(given), rtol=1e-4, atol=1e-5)


def test_threads_share_a_frozen_convolution() -> None:
    layer = pb.nn.BandConv2d(6, 34, 3, padding=1, keep=0.4, plan="fused")
    maps = [torch.randn(1 + size % 3, 6, size, 9) for size in range(8, 20)]
    with torch.no_grad():
        expected = [layer(x) for x in maps]
    layer.freeze()

    def run(first: int) -> None:
        with torch.no_grad():
            for i in range(first, first + 100):
                at = i % len(maps)
                found = layer(maps[at])
                torch.testing.assert_close(found, expected[at], rtol=1e-4, atol=1e-5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))


def test_a_large_weight_is_packed_on_large_pages() -> None:
    axes = FILTERS["3x3"]
    weight, source = torch.randn(300, 250, 3, 3), torch.randn(count(axes), 2, 1, 250)
    by_taps = kernels.packed(weight, axes, back=False)
    assert by_taps.nbytes > 2 << 20
    found = kernels.multiply(source, weight, axes, by_taps)
    assert torch.equal(found, kernels.multiply(source, weight, axes))


def test_a_copy_computes_the_same() -> None:
    layers, x = model(), torch.randn(2, 2, 10, 9)
    expected = layers(x)
    assert torch.equal(copy.deepcopy(layers)(x), expected)
    with torch.no_grad():
        pb.freeze_(layers)
        layers(x)
        assert torch.equal(copy.deepcopy(layers)(x), expected)
    with torch.inference_mode():
        assert torch.equal(model()(x[:0]), expected[:0])
        assert torch.equal(layers(x), expected)
        pb.unfreeze_(layers)
        assert torch.equal(layers(x), expected)


def test_the_same_bits_each_time() -> None:
    layers, x = model(), torch.randn(3, 2, 16, 15, requires_grad=True)

    def run() -> list[Tensor]:
        y = layers(x)
        return [y, *torch.autograd.grad(y.square().sum(), (x, *layers.parameters()))]

    with threads(2):
        expected = run()
        for _ in range(3):
            for one, other in zip(run(), expected, strict=True):
                assert torch.equal(one, other)


@pytest.mark.parametrize("each", [1, 2])
def test_threads_share_a_layer(each: int) -> None:
    layers = model()
    inputs = [torch.randn(2, 2, size, 12, requires_grad=True) for size in range(8, 20)]

    def run(x: Tensor) -> list[Tensor]:
        y = layers(x)
        return [y, *torch.autograd.grad(y.square().sum(), (x, *layers.parameters()))]

    expected = [run(x) for x in inputs]

    def work(first: int) -> None:
        torch.set_num_threads(each)
        for i in range(first, first + 24):
            at = i % len(inputs)
            for one, other in zip(run(inputs[at]), expected[at], strict=True):
                assert torch.equal(one, other)

    with threads(torch.get_num_threads()), ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_threads_that_end_leave_nothing_behind() -> None:
    axes = (axis(121, 60, 3, 1, -1), axis(9, 1, 3, 1, -1))
    weight, source = torch.randn(8, 512, 3, 3), torch.randn(count(axes), 2, 1, 512)

    def work() -> None:
        torch.set_num_threads(1)
        kernels.multiply(source, weight, axes)  # in 8 MB or, with narrower vectors, 4

    def run(times: int) -> None:
        for _ in range(times):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()

    run(5)
    before = resident()
    run(40)
    assert resident() - before < 40e6
