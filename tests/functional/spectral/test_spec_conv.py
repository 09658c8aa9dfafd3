"""Convolutions of spectra against PyTorch's of maps, and against sums over the taps of a ring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import passband as pb
from passband.functional import margin_for, spec_conv1d, spec_conv2d, to_space, to_spectrum
from passband.functional.spectral.spectrum import SpectrumNorm
from spectra import (
    F32,
    F64,
    NORMS,
    Array,
    circular,
    close,
    cropped,
    maps,
    on_whole_ring,
    padded,
    ring_of,
)

FORMS: dict[int, Callable[..., pb.Spectrum]] = {1: spec_conv1d, 2: spec_conv2d}
OF_MAPS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d}
SPACES = {1: (7,), 2: (6, 5)}
# Taps, dilation, groups; even kernels put the odd zero last.
CASES: list[tuple[tuple[int, ...], int, int]] = [
    ((1,), 1, 1), ((2,), 1, 1), ((3,), 1, 2), ((3,), 3, 1), ((4,), 1, 4), ((4,), 2, 1),
    ((7,), 1, 1), ((1, 1), 1, 1), ((3, 3), 1, 1), ((3, 3), 2, 2), ((2, 4), 1, 1), ((5, 1), 1, 4),
    ((4, 3), 1, 2),
]  # fmt: skip


def parameters(taps: tuple[int, ...], groups: int, outputs: int = 8) -> tuple[Tensor, Tensor]:
    return maps(outputs, 4 // groups, *taps, seed=1), maps(outputs, seed=2)


def reach(taps: tuple[int, ...], dilation: int) -> tuple[int, ...]:
    """Samples from a kernel's first tap to its last, on each axis."""
    return tuple(dilation * (k - 1) + 1 for k in taps)


# PyTorch says once that it copies the map for an even kernel.
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("taps", "dilation", "groups"), CASES, ids=str)
def test_with_an_exact_margin_it_is_pytorchs_and_so_are_its_gradients(
    taps: tuple[int, ...], dilation: int, groups: int, norm: SpectrumNorm
) -> None:
    dims = len(taps)
    for dtype, tolerance in ((F64, 1e-12), (F32, 1e-5)):
        x = maps(2, 4, *SPACES[dims], dtype=dtype).requires_grad_()
        w, b = (t.to(dtype).requires_grad_() for t in parameters(taps, groups))
        s = to_spectrum(x, margin_for(reach(taps, dilation)), norm)
        found = to_space(FORMS[dims](s, w, b, dilation, groups))
        expected = OF_MAPS[dims](x, w, b, 1, "same", dilation, groups)
        close(found, expected, tolerance)
        cotangent = maps(*expected.shape, seed=3).to(dtype)
        grads = torch.autograd.grad(found, (x, w, b), cotangent)
        for one, other in zip(
            grads, torch.autograd.grad(expected, (x, w, b), cotangent), strict=True
        ):
            close(one, other, tolerance)


@pytest.mark.parametrize("margin", [0, 3])  # the paper's 35 points of 32 have 3
@pytest.mark.parametrize(("taps", "dilation", "groups"), CASES, ids=str)
def test_it_is_the_circular_convolution_of_the_ring(
    taps: tuple[int, ...], dilation: int, groups: int, margin: int
) -> None:
    dims = len(taps)
    x, (w, b) = maps(2, 4, *SPACES[dims]), parameters(taps, groups)
    for norm in NORMS:
        s = to_spectrum(x, margin, norm)
        if any(one > L for one, L in zip(reach(taps, dilation), s.lengths, strict=True)):
            with pytest.raises(ValueError, match="larger margin"):
                FORMS[dims](s, w, b, dilation, groups)
            continue
        y = FORMS[dims](s, w, b, dilation, groups)
        assert (y.space, y.lengths, y.norm) == (s.space, s.lengths, norm)
        expected = circular(padded(x, s.lengths), w.numpy(), b.numpy(), dilation, groups)
        close(ring_of(y), expected, 1e-12)
        close(to_space(y), cropped(expected, s.space), 1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_a_bias_is_the_same_everywhere_and_in_dc_alone(norm: SpectrumNorm) -> None:
    s = to_spectrum(maps(2, 4, 6, 5), 1, norm)
    w, b = parameters((3, 3), 1)
    with_bias, without = (spec_conv2d(s, w, bias) for bias in (b, None))
    difference = (with_bias.values - without.values).double()
    assert torch.count_nonzero(difference[1:]) == 0
    assert torch.count_nonzero(difference[0, 1]) == 0
    close(difference[0, 0], (b * s.unit).expand(2, 8), 1e-12)


KERNELS = [(3, 3), (2, 5), (4, 1)]


def chain(s: pb.Spectrum, weights: list[Tensor]) -> pb.Spectrum:
    for w in weights:
        s = spec_conv2d(s, w)
    return s


def on_an_endless_plane(x: Tensor, weights: list[Tensor]) -> Array:
    """Convolutions one after another, each keeping what reaches beyond the map; then cropped."""
    far = 12
    plane = np.pad(x.numpy(), [(0, 0), (0, 0), (far, far), (far, far)])
    for w in weights:
        plane = circular(plane, w.numpy())  # on a ring so long that nothing comes around
    return plane[:, :, far : far + x.shape[2], far : far + x.shape[3]]


def test_a_chain_with_the_exact_margin_is_the_chain_on_an_endless_plane() -> None:
    x = maps(2, 3, 6, 5)
    weights = [maps(3, 3, *taps, seed=4) for taps in KERNELS]
    exact = margin_for(*KERNELS)
    assert exact == (1 + 1 + 2, 1 + 2 + 0)
    expected = on_an_endless_plane(x, weights)
    for more in (0, 1, 5):
        margin = tuple(one + more for one in exact)
        close(to_space(chain(to_spectrum(x, margin), weights)), expected, 1e-12)
    for axis in (0, 1):
        margin = tuple(one - (a == axis) for a, one in enumerate(exact))
        short = to_space(chain(to_spectrum(x, margin), weights)).numpy()
        assert np.abs(short - expected).max() > 0.1


def test_the_papers_margin_of_three_is_too_small_for_its_chain_of_twelve() -> None:
    x = maps(1, 2, 16, 16)
    weights = [maps(2, 2, 3, 3, seed=seed) / 4 for seed in range(12)]
    exact = to_space(chain(to_spectrum(x, margin_for(*[3] * 12)[0]), weights))
    papers = to_space(chain(to_spectrum(x, 3), weights))
    close(to_space(chain(to_spectrum(x, 20), weights)), exact, 1e-12)
    assert (papers - exact).norm() > 0.1 * exact.norm()
    three = weights[:3]
    close(
        to_space(chain(to_spectrum(x, 3), three)), to_space(chain(to_spectrum(x, 12), three)), 1e-12
    )


def test_gradients_of_a_chain_are_those_of_pytorchs_layers_with_circular_padding() -> None:
    x = maps(2, 4, 7, 5).requires_grad_()
    convs = [
        nn.Conv2d(4, 6, 3, padding="same", padding_mode="circular", dtype=F64),
        nn.Conv2d(6, 4, (5, 1), padding="same", padding_mode="circular", groups=2, dtype=F64),
    ]
    expected = nn.Sequential(*convs)(x)
    s = to_spectrum(x)
    for conv in convs:
        s = spec_conv2d(s, conv.weight, conv.bias, 1, conv.groups)
    found = to_space(s)
    close(found, expected, 1e-12)
    of = (x, *(p for conv in convs for p in conv.parameters()))
    cotangent = maps(*found.shape, seed=3)
    for one, other in zip(
        torch.autograd.grad(found, of, cotangent), torch.autograd.grad(expected, of, cotangent),
        strict=True,
    ):  # fmt: skip
        close(one, other, 1e-12)


@pytest.mark.parametrize("wants", ["x", "w", "b", "xb", "wb", "xw", ""])
def test_some_gradients_without_the_others(wants: str) -> None:
    x, (w, b) = maps(2, 4, 6, 5), parameters((3, 3), 1)
    tensors = {"x": x, "w": w, "b": b}
    for name, t in tensors.items():
        t.requires_grad_(name in wants)
    found = to_space(spec_conv2d(to_spectrum(x, 1), w, b))
    assert found.requires_grad == bool(wants)
    if wants:
        of = [tensors[name] for name in wants]
        expected = F.conv2d(x, w, b, padding=1)
        cotangent = maps(*expected.shape, seed=3)
        for one, other in zip(
            torch.autograd.grad(found, of, cotangent),
            torch.autograd.grad(expected, of, cotangent), strict=True,
        ):  # fmt: skip
            close(one, other, 1e-12)


def test_one_spectrum_for_two_convolutions_adds_up_their_gradients() -> None:
    x = maps(2, 4, 6, 5).requires_grad_()
    w, v = parameters((3, 3), 1)[0], parameters((1, 3), 1)[0]
    s = to_spectrum(x, 1)
    found = to_space(spec_conv2d(s, w) + spec_conv2d(s, v))
    expected = F.conv2d(x, w, padding=1) + F.conv2d(x, v, padding=(0, 1))
    close(found, expected, 1e-12)
    (one,), (other,) = (torch.autograd.grad(y.square().sum(), x) for y in (found, expected))
    close(one, other, 1e-12)


@pytest.mark.parametrize("dims", [1, 2])
def test_layers_have_the_parameters_of_pytorchs_and_compute_the_same(dims: int) -> None:
    of_maps, of_spectra = ((nn.Conv1d, pb.nn.SpecConv1d), (nn.Conv2d, pb.nn.SpecConv2d))[dims - 1]
    torch.manual_seed(0)
    plain = of_maps(4, 6, 3, padding="same", dilation=2, groups=2)
    torch.manual_seed(0)
    layer = of_spectra(4, 6, 3, dilation=2, groups=2)
    for (name, one), (other_name, other) in zip(
        plain.state_dict().items(), layer.state_dict().items(), strict=True
    ):
        assert name == other_name
        assert torch.equal(one, other)
    x = maps(2, 4, *SPACES[dims], dtype=F32)
    close(to_space(layer(to_spectrum(x, 2))), plain(x), 1e-5)
    layer.load_state_dict(plain.state_dict())
    assert of_spectra(4, 6, 3, bias=False).bias is None


def test_kernels_that_reach_around_the_ring_are_refused_on_either_axis() -> None:
    x = maps(1, 1, 5, 9)
    for taps, dilation, margin in (((6, 1), 1, 0), ((3, 1), 3, 1), ((1, 10), 1, 0), ((3, 3), 5, 4)):
        w = maps(1, 1, *taps)
        with pytest.raises(ValueError, match=r"does not fit .* points: a larger margin"):
            spec_conv2d(to_spectrum(x, margin), w, None, dilation)
        y = spec_conv2d(to_spectrum(x, margin + 6), w, None, dilation)
        expected = circular(padded(x, y.lengths), w.numpy(), None, dilation)
        close(ring_of(y), expected, 1e-12)
    s = to_spectrum(x)  # as many taps as points are still right
    close(ring_of(spec_conv2d(s, maps(1, 1, 5, 9))), circular(x.numpy(), maps(1, 1, 5, 9).numpy()))


S, W, B = to_spectrum(torch.zeros(2, 4, 6, 5)), torch.zeros(8, 4, 3, 3), torch.zeros(8)
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "maps": (lambda: spec_conv2d(torch.zeros(2, 4, 6, 5), W), TypeError, "ToSpectrum"),  # type: ignore[arg-type]
    "series": (lambda: spec_conv1d(S, W[..., 0]), RuntimeError, "1 space axes"),
    "weight of series": (lambda: spec_conv2d(S, W[..., 0]), RuntimeError, "the weight 4"),
    "channels": (lambda: spec_conv2d(S, W[:, :3]), RuntimeError, "3 channels"),
    "groups": (lambda: spec_conv2d(S, W, groups=2), RuntimeError, "8 channels"),
    "bias": (lambda: spec_conv2d(S, W, B[:3]), RuntimeError, r"\(8,\); got \(3,\)"),
    "integer weight": (lambda: spec_conv2d(S, W.long()), TypeError, "int64"),
    "no weight": (lambda: spec_conv2d(S, None), TypeError, "NoneType"),  # type: ignore[arg-type]
    "dtype": (lambda: spec_conv2d(S, W.double()), RuntimeError, "float32 and torch.float64"),
    "bias dtype": (lambda: spec_conv2d(S, W, B.double()), RuntimeError, "bias.*float64"),
    "device": (lambda: spec_conv2d(S, W.to("meta")), RuntimeError, "cpu and meta"),
    "no dilation": (lambda: spec_conv2d(S, W, None, 0), RuntimeError, "dilation"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_convolved(case: str) -> None:
    make, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        make()


def test_odd_and_one_sized_maps() -> None:
    for space in ((1, 1), (1, 7), (7, 1), (9, 11)):
        x = maps(2, 4, *space)
        w, b = parameters((3, 3), 1)
        found = to_space(spec_conv2d(to_spectrum(x, 2), w, b))
        close(found, F.conv2d(x, w, b, padding=1), 1e-12)


def test_a_convolution_follows_on_whatever_spectrum_there_is() -> None:
    """Not only on those that `to_spectrum` has made."""
    x, (w, b) = maps(2, 4, 6, 5), parameters((3, 3), 1)
    w.requires_grad_()
    free = on_whole_ring(pb.Spectrum(to_spectrum(x, 1).values.clone(), (6, 5), (7, 6)))
    found = spec_conv2d(free, w, b)
    close(ring_of(found), circular(padded(x, (7, 6)), w.detach().numpy(), b.numpy()), 1e-12)
    (one,) = torch.autograd.grad(to_space(found).square().sum(), w)
    wide = F.pad(x, (0, 1, 0, 1))
    expected = F.conv2d(F.pad(wide, (1, 1, 1, 1), mode="circular"), w, b)
    (other,) = torch.autograd.grad(expected.square().sum(), w)
    close(one, other, 1e-12)
