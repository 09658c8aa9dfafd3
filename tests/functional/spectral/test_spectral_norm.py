"""Batch norm of a spectrum against PyTorch's of the maps on the ring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import passband as pb
from passband.functional import spec_conv2d, spectral_batch_norm, to_space, to_spectrum
from passband.functional.spectral.spectrum import SpectrumNorm
from spectra import F32, F64, NORMS, close, maps, on_whole_ring

SPACES: list[tuple[tuple[int, ...], int]] = [
    ((1,), 0), ((1,), 1), ((5,), 0), ((4,), 3), ((6, 5), 0), ((6, 5), 1), ((1, 1), 0), ((2, 2), 0),
    ((2, 3, 4), 0),
]  # fmt: skip


def on_ring(x: Tensor, margin: int) -> Tensor:
    return F.pad(x, [0, margin] * (x.dim() - 2))


def given(dtype: torch.dtype) -> list[Tensor]:
    """Running mean, running variance, weight, bias of three channels."""
    mean, var, weight, bias = maps(4, 3, dtype=dtype, seed=5)
    return [mean.clone(), var.square() + 0.5, weight.clone(), bias.clone()]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("space", "margin"), SPACES, ids=str)
def test_values_statistics_and_gradients_are_those_of_the_ring(
    space: tuple[int, ...], margin: int, norm: SpectrumNorm, training: bool
) -> None:
    for dtype, tolerance in ((F64, 1e-11), (F32, 1e-5)):
        x = (2 * maps(4, 3, *space, dtype=dtype) + 1).requires_grad_()
        mean, var, w, b = given(dtype)
        of = (x, w.requires_grad_(), b.requires_grad_())
        mine, theirs = (mean.clone(), var.clone()), (mean, var)
        s = to_spectrum(x, margin, norm)
        s = spectral_batch_norm(s, mine[0], mine[1], w, b, training, 0.3, 1e-3)
        found = to_space(on_whole_ring(s))
        expected = F.batch_norm(on_ring(x, margin), mean, var, w, b, training, 0.3, 1e-3)
        close(found, expected, tolerance)
        for one, other in zip(mine, theirs, strict=True):
            close(one, other, tolerance)
        cotangent = maps(*expected.shape, dtype=dtype, seed=6)
        of_mine = torch.autograd.grad(found, of, cotangent)
        of_theirs = torch.autograd.grad(expected, of, cotangent)
        for one, other in zip(of_mine, of_theirs, strict=True):
            close(one, other, 10 * tolerance)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("mean", [0.0, 10.0, -1e3, 1e4])
def test_a_large_mean_does_not_drown_a_small_variance(mean: float, norm: SpectrumNorm) -> None:
    """Rounding of the maps alone costs 2⁻²⁴ of the mean; the transform some times that."""
    x = mean + 0.1 * maps(4, 3, 8, 7)
    rounded = x.float()
    (_, _, w, b) = given(F64)
    stats = torch.zeros(3), torch.ones(3)
    found = spectral_batch_norm(
        to_spectrum(rounded, 0, norm), *stats, w.float(), b.float(), True, 1.0
    )
    expected_stats = torch.zeros(3, dtype=F64), torch.ones(3, dtype=F64)
    expected = F.batch_norm(rounded.double(), *expected_stats, w, b, True, 1.0)
    relative = 1e-6 + 16 * 2.0**-24 * abs(mean) / 0.1
    assert (to_space(found).double() - expected).norm() <= relative * expected.norm()
    torch.testing.assert_close(stats[0].double(), expected_stats[0], rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(stats[1].double(), expected_stats[1], rtol=2 * relative, atol=1e-9)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_agree_with_finite_differences(training: bool) -> None:
    mean, var, weight, bias = given(F64)
    x = maps(3, 3, 3, 2).requires_grad_()

    def run(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        s = to_spectrum(x, (1, 0))
        return spectral_batch_norm(s, mean.clone(), var.clone(), weight, bias, training).values

    of = (x, weight.requires_grad_(), bias.requires_grad_())
    assert torch.autograd.gradcheck(run, of)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("wants", ["x", "w", "b", "xw", "xb", "wb"])
def test_some_gradients_without_the_others(wants: str, training: bool) -> None:
    x = maps(4, 3, 5, 4)
    mean, var, w, b = given(F64)
    tensors = {"x": x, "w": w, "b": b}
    for name in wants:
        tensors[name].requires_grad_()
    of = [tensors[name] for name in wants]
    found = to_space(spectral_batch_norm(to_spectrum(x), mean.clone(), var.clone(), w, b, training))
    expected = F.batch_norm(x, mean.clone(), var.clone(), w, b, training)
    cotangent = maps(*expected.shape, seed=6)
    for one, other in zip(
        torch.autograd.grad(found, of, cotangent),
        torch.autograd.grad(expected, of, cotangent), strict=True,
    ):  # fmt: skip
        close(one, other, 1e-11)


@pytest.mark.parametrize("training", [True, False])
def test_without_weight_bias_or_statistics(training: bool) -> None:
    x = maps(4, 3, 5, 4).requires_grad_()
    mean, var, w, b = given(F64)
    for weight, bias in ((None, b), (w, None), (None, None)):
        m, v = (None, None) if training else (mean, var)
        found = to_space(spectral_batch_norm(to_spectrum(x), m, v, weight, bias, training))
        expected = F.batch_norm(x, m, v, weight, bias, training)
        close(found, expected, 1e-11)
        (one,), (other,) = (torch.autograd.grad(y.pow(3).sum(), x) for y in (found, expected))
        close(one, other, 1e-10)


def test_after_a_convolution_whose_output_nobody_holds() -> None:
    x = maps(4, 2, 6, 5).requires_grad_()
    w, bias = maps(3, 2, 3, 3, seed=1).requires_grad_(), maps(3, seed=2).requires_grad_()
    (_, _, gamma, beta) = given(F64)
    of = (x, w, bias, gamma.requires_grad_(), beta.requires_grad_())
    ring = F.pad(x, (0, 1, 0, 1))
    for training in (True, False):
        mean, var = given(F64)[:2]
        y = spec_conv2d(to_spectrum(x, 1), w, bias)
        s = spectral_batch_norm(y, mean.clone(), var.clone(), gamma, beta, training)
        expected = F.conv2d(F.pad(ring, (1, 1, 1, 1), mode="circular"), w, bias)
        expected = F.batch_norm(expected, mean, var, gamma, beta, training)
        found = to_space(on_whole_ring(s))
        close(found, expected, 1e-11)
        for one, other in zip(
            torch.autograd.grad(found.pow(3).sum(), of),
            torch.autograd.grad(expected.pow(3).sum(), of), strict=True,
        ):  # fmt: skip
            close(one, other, 1e-10)


def test_a_convolution_after_it_and_another_norm_have_it_again() -> None:
    """What is held of a norm's output is what is of its input."""
    x = maps(4, 3, 6, 5).requires_grad_()
    w = maps(3, 3, 3, 3, seed=1).requires_grad_()
    gamma, beta = (t.requires_grad_() for t in given(F64)[2:])
    s, y = to_spectrum(x), x
    for _ in range(2):
        s = spec_conv2d(spectral_batch_norm(s, None, None, gamma, beta, True), w)
        y = F.batch_norm(y, None, None, gamma, beta, True)
        y = F.conv2d(F.pad(y, (1, 1, 1, 1), mode="circular"), w)
    close(to_space(s), y, 1e-11)
    for one, other in zip(
        torch.autograd.grad(to_space(s).square().sum(), (x, w, gamma, beta)),
        torch.autograd.grad(y.square().sum(), (x, w, gamma, beta)), strict=True,
    ):  # fmt: skip
        close(one, other, 1e-10)


def test_the_layer_is_pytorchs_over_several_steps_and_in_evaluation() -> None:
    mine, theirs = pb.nn.SpectralBatchNorm(3, 1e-3, 0.2).double(), nn.BatchNorm2d(3, 1e-3, 0.2)
    theirs = theirs.double()
    with torch.no_grad():
        for layer in (mine, theirs):
            layer.weight.copy_(given(F64)[2])
            layer.bias.copy_(given(F64)[3])
    for step in range(3):
        x = (step + 1) * maps(4, 3, 5, 4, seed=step) + step
        close(to_space(mine(to_spectrum(x))), theirs(x), 1e-11)
    for name, value in theirs.state_dict().items():
        close(mine.state_dict()[name], value, 1e-12)
    assert mine.num_batches_tracked == 3
    theirs.load_state_dict(mine.state_dict())
    mine.eval()
    theirs.eval()
    x = maps(4, 3, 5, 4, seed=9)
    close(to_space(mine(to_spectrum(x))), theirs(x), 1e-11)
    assert mine.num_batches_tracked == 3


def test_statistics_that_move_before_backward_do_not_change_it() -> None:
    layer = pb.nn.SpectralBatchNorm(3).double()
    x = maps(4, 3, 5, 4).requires_grad_()

    def gradients(between: Callable[[], object]) -> tuple[Tensor, ...]:
        loss = to_space(layer.eval()(to_spectrum(x))).pow(3).sum()
        between()
        return torch.autograd.grad(loss, (x, *layer.parameters()))

    expected = gradients(lambda: None)
    found = gradients(lambda: layer.train()(to_spectrum(5 + x.detach())))
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_bfloat16_has_statistics_in_float32() -> None:
    x = (3 + maps(8, 3, 8, 8)).bfloat16()
    found = spectral_batch_norm(to_spectrum(x), None, None, training=True)
    assert found.values.dtype == torch.bfloat16
    expected = F.batch_norm(x.double(), None, None, training=True)
    assert (to_space(found).double() - expected).norm() < 0.03 * expected.norm()


S = to_spectrum(torch.zeros(2, 3, 4))
ONE = torch.ones(3)
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "maps": (lambda: spectral_batch_norm(ONE, None, None), TypeError, "Tensor"),  # type: ignore[arg-type]
    "weight": (lambda: spectral_batch_norm(S, ONE, ONE, ONE[:2]), RuntimeError, r"got \(2,\)"),
    "mean": (lambda: spectral_batch_norm(S, ONE[:1], ONE), RuntimeError, "running_mean"),
    "no batch": (
        lambda: spectral_batch_norm(to_spectrum(torch.zeros(0, 3, 4)), ONE, ONE, training=True),
        ValueError, r"\(0, 3, 4\)",
    ),
    "no statistics": (lambda: spectral_batch_norm(S, None, ONE), ValueError, "statistics"),
    "no channels": (lambda: pb.nn.SpectralBatchNorm(0), ValueError, "got 0"),
    "eps": (lambda: pb.nn.SpectralBatchNorm(3, -1.0), ValueError, "-1.0"),
    "momentum": (lambda: pb.nn.SpectralBatchNorm(3, momentum=2), ValueError, "2"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_has_no_norm(case: str) -> None:
    make, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        make()


def test_an_error_leaves_the_statistics() -> None:
    stats = torch.zeros(3), torch.ones(3)
    with pytest.raises(RuntimeError):
        spectral_batch_norm(S, *stats, torch.ones(2), None, True)
    assert np.array_equal(stats[0], np.zeros(3))
    assert np.array_equal(stats[1], np.ones(3))
