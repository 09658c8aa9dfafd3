"""What autograd holds of a network of spectra, in bytes, by formula."""

from __future__ import annotations

import gc
import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

import passband as pb
from passband.functional import (
    band_limit,
    cat_spectra,
    keep_largest,
    spec_conv2d,
    spectral_activation,
    spectral_threshold,
    to_space,
    to_spectrum,
)
from passband.memory import saved
from passband.packing.sparse import Store
from spectra import F32, maps

STORES: tuple[Store, ...] = ("exact", "bfloat16", "int8")
N, C, SPACE, MARGIN = 4, 8, (12, 10), 2
BINS = (14 * 12 + 4) // 2  # both lengths even: four bins are their own mirror image


def chain(norm: bool, store: Store, beta: float, blocks: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    widths = [3, *[C] * blocks]
    made = [
        pb.nn.SpecBlock2d(i, o, 3, beta=beta, norm=norm, store=store)
        for i, o in itertools.pairwise(widths)
    ]
    return nn.Sequential(pb.nn.ToSpectrum(MARGIN), *made, pb.nn.ToSpace())


def kept_by(model: nn.Sequential, x: Tensor) -> list[int]:
    """How many coefficients each block leaves."""
    counts = []
    with torch.no_grad():
        s = model[0](x)
        for block in list(model)[1:-1]:
            s = block(s)
            counts.append(int((s.values != 0).any(1).sum()))
    return counts


def values(kept: int, store: Store, itemsize: int = 4) -> int:
    """Bytes of kept coefficients, two numbers each."""
    if store == "int8":
        return -(-2 * kept // 64) * (64 + 4) if kept else 0
    return 2 * kept * (2 if store == "bfloat16" else itemsize)


MASK = math.ceil(BINS * N * C / 8)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 1e6])
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("norm", [False, True])
def test_a_chain_holds_bits_and_kept_values_of_each_block_and_the_maps_once(
    norm: bool, store: Store, beta: float
) -> None:
    model = chain(norm, store, beta)
    x = maps(N, 3, *SPACE, dtype=F32)
    counts = kept_by(model, x)
    expected = x.numel() * 4 + sum(MASK + values(kept, store) for kept in counts)
    if norm:  # mean and reciprocal deviation; the weight is a parameter
        expected += len(counts) * 2 * C * 4
    for given in (x, x.clone().requires_grad_()):
        assert saved(lambda: model(given).sum()).total == expected  # noqa: B023


@pytest.mark.parametrize("store", STORES)
def test_in_evaluation_the_same_and_in_double_precision_twice_the_values(store: Store) -> None:
    model = chain(True, store, 0.3).eval()
    x = maps(N, 3, *SPACE, dtype=F32)
    held = sum(MASK + values(kept, store) for kept in kept_by(model, x))
    assert saved(lambda: model(x).sum()).total == x.numel() * 4 + held + 3 * 2 * C * 4
    model.double()
    counts = kept_by(model, x.double())
    held = sum(MASK + values(kept, store, 8) for kept in counts)
    assert saved(lambda: model(x.double()).sum()).total == x.numel() * 8 + held + 3 * 2 * C * 8


@pytest.mark.parametrize("store", STORES)
def test_parts_one_by_one_hold_what_the_block_holds(store: Store) -> None:
    model = chain(False, store, 0.3, blocks=2)
    x = maps(N, 3, *SPACE, dtype=F32)

    def parts() -> Tensor:
        s = to_spectrum(x, MARGIN)
        for block in list(model)[1:-1]:
            for part in ("conv", "threshold", "activation"):
                s = block.get_submodule(part)(s)
        return to_space(s)

    assert saved(parts).total == saved(lambda: model(x)).total


@pytest.mark.parametrize(("density", "most"), [(0.1, 0.15), (0.5, 0.55)])
def test_at_a_density_a_map_costs_that_share_of_a_dense_one(density: float, most: float) -> None:
    """Of maps without a margin, whose half spectrum has as many numbers as the map."""
    torch.manual_seed(0)
    n = 16
    bins = (n * n + 4) // 2
    x = maps(N, C, n, n, dtype=F32)
    model = nn.Sequential(
        pb.nn.ToSpectrum(),
        *(pb.nn.SpecBlock2d(C, C, 3, beta=0.0) for _ in range(3)),
        pb.nn.ToSpace(),
    )
    pb.calibrate_beta_(model, [x], density)
    count = bins * N * C
    dense = 4 * x.numel()
    counts = kept_by(model, x)
    assert all(abs(kept - density * count) <= 1.5 for kept in counts)
    expected = sum(math.ceil(count / 8) + 8 * kept for kept in counts)
    found = saved(lambda: model(x).sum()).total - dense
    assert found == expected
    assert found <= most * 3 * dense


Make = Callable[[Tensor, nn.Module], pb.Spectrum]
PRODUCERS: dict[str, Make] = {
    "maps": lambda x, block: to_spectrum(x, MARGIN),
    "threshold": lambda x, block: spectral_threshold(to_spectrum(x, MARGIN), 0.5),
    "activation": lambda x, block: spectral_activation(to_spectrum(x, MARGIN)),
    "both": lambda x, block: spectral_activation(spectral_threshold(to_spectrum(x, MARGIN), 0.5)),
    "largest": lambda x, block: keep_largest(to_spectrum(x, MARGIN), 0.2),
    "band": lambda x, block: band_limit(to_spectrum(x, MARGIN), pb.Band(keep=0.3)),
    "block": lambda x, block: block(to_spectrum(x, MARGIN)),
}


@pytest.mark.parametrize("producer", PRODUCERS)
def test_a_second_consumer_of_a_spectrum_holds_nothing_more(producer: str) -> None:
    torch.manual_seed(0)
    block = pb.nn.SpecBlock2d(C, C, 3, beta=0.3)
    w, v = (nn.Parameter(torch.randn(C, C, 3, 3)) for _ in range(2))
    x = maps(N, C, *SPACE, dtype=F32).requires_grad_()

    def run(consumers: int) -> list[pb.Spectrum]:
        s = PRODUCERS[producer](x, block)
        return [spec_conv2d(s, weight) for weight in (w, v)[:consumers]]

    assert saved(lambda: run(2)).total == saved(lambda: run(1)).total > 0


def test_a_convolution_after_another_and_a_norm_hold_nothing_of_their_own() -> None:
    x = maps(N, C, *SPACE, dtype=F32)
    w, v = (nn.Parameter(torch.randn(C, C, 3, 3)) for _ in range(2))
    norm = pb.nn.SpectralBatchNorm(C)
    assert saved(lambda: spec_conv2d(spec_conv2d(to_spectrum(x), w), v)).total == 4 * x.numel()
    found = saved(lambda: spec_conv2d(norm(spec_conv2d(to_spectrum(x), w)), v)).total
    assert found == 4 * x.numel() + 2 * C * 4


def test_joined_spectra_are_held_once() -> None:
    """As in a dense block, where each layer reads all before it."""
    torch.manual_seed(0)
    x = maps(N, 3, *SPACE, dtype=F32)
    layers = [pb.nn.SpecBlock2d(3 + 4 * i, 4, 3, beta=0.3) for i in range(3)]
    counts = []

    def run() -> Tensor:
        all_of = [to_spectrum(x, MARGIN)]
        for layer in layers:
            all_of.append(layer(cat_spectra(all_of)))
            counts.append(int((all_of[-1].values != 0).any(1).sum()))
        return to_space(cat_spectra(all_of))

    found = saved(run).total
    mask = math.ceil(BINS * N * 4 / 8)
    assert found == 4 * x.numel() + sum(mask + 8 * kept for kept in counts)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("norm", [False, True])
def test_dense_spectra_do_not_live_on(norm: bool, store: Store) -> None:
    """By reference counts alone."""
    model = chain(norm, store, 0.3)
    x = maps(N, 3, *SPACE, dtype=F32).requires_grad_()
    refs = []
    s = model[0](x)
    refs.append(StorageWeakRef(s.values.untyped_storage()))
    for block in list(model)[1:-1]:
        s = block(s)
        refs.append(StorageWeakRef(s.values.untyped_storage()))
        assert [ref.expired() for ref in refs[:-1]] == [True] * (len(refs) - 1)
    y = model[-1](s).sum()
    del s
    assert all(ref.expired() for ref in refs)
    y.backward()
    assert x.grad is not None


def test_joined_dense_spectra_do_not_live_on() -> None:
    x = maps(N, 3, *SPACE, dtype=F32).requires_grad_()
    block, conv = pb.nn.SpecBlock2d(3, C, 3, beta=0.3), pb.nn.SpecConv2d(C + 3, 4, 3)
    first = to_spectrum(x, MARGIN)
    second = block(first)
    both = cat_spectra([first, second])
    refs = [StorageWeakRef(s.values.untyped_storage()) for s in (first, second, both)]
    y = to_space(conv(both)).sum()
    del first, second, both
    assert all(ref.expired() for ref in refs)
    y.backward()


def test_after_backward_nothing_is_held_and_no_cycle_is_left() -> None:
    model = chain(True, "exact", 0.3)
    x = maps(N, 3, *SPACE, dtype=F32)

    def live() -> int:
        found = [t for t in gc.get_objects() if type(t) is Tensor]
        return sum(
            {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in found}.values()
        )

    def step() -> None:
        model.zero_grad(set_to_none=False)
        model(x).sum().backward()

    step()
    step()
    gc.collect()
    gc.disable()
    try:
        before = live()
        for _ in range(5):
            step()
        assert live() == before
        model(x)  # a graph that nobody asks
        assert live() == before
    finally:
        gc.enable()


def test_what_no_gradient_needs_is_not_held() -> None:
    x = maps(N, C, *SPACE, dtype=F32)
    w = nn.Parameter(torch.randn(C, C, 3, 3), requires_grad=False)
    b = nn.Parameter(torch.randn(C))
    assert saved(lambda: spec_conv2d(to_spectrum(x), w, b)).total == 0
    given = x.clone().requires_grad_()
    assert saved(lambda: spec_conv2d(to_spectrum(given), w, b)).total == 0
    assert saved(lambda: to_space(to_spectrum(given))).total == 0
    mask = math.ceil((12 * 10 + 4) // 2 * N * C / 8)
    assert saved(lambda: to_space(spectral_threshold(to_spectrum(given), 0.5))).total == mask


def test_under_autocast_values_are_held_in_bfloat16() -> None:
    model = chain(False, "exact", 0.3)
    x = maps(N, 3, *SPACE, dtype=F32)
    with torch.autocast("cpu", torch.bfloat16):
        counts = kept_by(model, x)
        found = saved(lambda: model(x).sum()).total
    assert found == 4 * x.numel() + sum(MASK + 4 * kept for kept in counts)
