"""Bytes that spectral networks hold for backward, to the byte, and beside their plain form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.lab.models import create_model, options, plain_form
from passband.memory import saved
from passband.nn import SpecBlock2d, SpectralBatchNorm, Threshold, ToSpace, ToSpectrum

BATCH, DENSITY = 8, 0.1
NAMES = ("spec_vgg16", "spec_vgg16_bn", "spec_densenet", "spec_densenet_bn")


def build(name: str, **given: object) -> tuple[nn.Module, Tensor]:
    model = create_model(name, num_classes=10, in_channels=3, **given)
    x = torch.randn(BATCH, 3, 32, 32)
    pb.calibrate_beta_(model, [x], DENSITY)
    return model, x


def expected(model: nn.Module, x: Tensor) -> int:
    """A bit for each coefficient and eight bytes for each that is kept, and what little is left."""
    total = 0
    unread = values_that_nobody_needs(model)

    def note(module: nn.Module, args: tuple[Tensor], out: Tensor | pb.Spectrum) -> None:
        nonlocal total
        if isinstance(module, Threshold):
            assert isinstance(out, pb.Spectrum)
            bins, _, n, c = out.values.shape
            kept = int((out.values != 0).any(1).sum())
            total += math.ceil(bins * n * c / 8) + (0 if module in unread else 8 * kept)
        elif isinstance(module, ToSpectrum | nn.Linear):  # dense maps, and what they are then
            total += args[0].nbytes
        elif isinstance(module, SpectralBatchNorm):  # mean and reciprocal deviation
            total += 2 * 4 * module.num_features
        elif isinstance(module, nn.MaxPool2d | nn.AdaptiveMaxPool2d):
            assert isinstance(out, Tensor)
            total += out.numel()  # a byte each: where the maximum is

    handles = [m.register_forward_hook(note) for m in model.modules() if not [*m.children()]]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return total


def values_that_nobody_needs(model: nn.Module) -> set[nn.Module]:
    """Thresholds after which there is no activation, and no convolution before maps."""
    found: set[nn.Module] = set()
    last: SpecBlock2d | None = None
    for module in model.modules():
        if isinstance(module, SpecBlock2d):
            last = module
        elif isinstance(module, ToSpace):
            assert last is not None
            if last.activation.activation == "identity":
                found.add(last.threshold)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_bytes_follow_the_formula(name: str) -> None:
    model, x = build(name)
    wanted = expected(model, x)
    assert saved(lambda: model(x)).total == wanted


@pytest.mark.parametrize("name", NAMES)
def test_far_less_is_held_than_by_the_plain_network(name: str) -> None:
    """The paper has 0.37 in its table 2, which is the must; the goal was 0.15."""
    model, x = build(name)
    plain = create_model(plain_form(name), num_classes=10, in_channels=3)
    ratio = saved(lambda: model(x)).total / saved(lambda: plain(x)).total
    assert ratio < (0.15 if "vgg" in name else 0.08)


@pytest.mark.parametrize("name", ["spec_vgg16_bn", "spec_densenet_bn", "spec_lenet5_bn"])
def test_at_their_own_beta_they_are_below_the_papers_share_before_they_learn(name: str) -> None:
    """Then spectra are flat, and most coefficients are near their root mean square."""
    x = torch.randn(BATCH, 1 if "lenet" in name else 3, *(2 * (28 if "lenet" in name else 32,)))
    model, plain = (
        create_model(one, num_classes=10, in_channels=x.shape[1])
        for one in (name, plain_form(name))
    )
    ratio = saved(lambda: model(x)).total / saved(lambda: plain(x)).total
    assert ratio < 0.37


@pytest.mark.parametrize("name", ["spec_lenet5", "spec_alexnet", "spec_alexnet_bn"])
def test_small_networks_hold_less_too(name: str) -> None:
    """Of LeNet-5 and AlexNet, pooled maps and what the linear layers see are most of it."""
    sized = {"image_size": 32} if "image_size" in options(name) else {}
    model, x = build(name, **sized)
    plain = create_model(plain_form(name), num_classes=10, in_channels=3, **sized)
    assert saved(lambda: model(x)).total < 0.5 * saved(lambda: plain(x)).total
