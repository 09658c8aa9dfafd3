"""Networks that others wrote: converted, trained a step, frozen, and turned back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from models_page import PAGE, held, line
from torch import Tensor, nn
from torch.nn.utils import parametrize
from zoo import ZOO, convolutions, gradients, objective, outputs

import passband as pb

HALF = pb.Band(keep=0.5)
PLAIN = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip
# The former has a part for training alone, the latter gives the layer's weight to a function.
UNREACHED = {
    "monai: SegResNetVAE": ("vae_down.2.conv",),
    "transformers: Mamba": ("layers.0.mixer.conv1d",),
}

each = pytest.mark.parametrize("name", ZOO)


def built(name: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network, and its inputs; skips where its package does not import."""
    try:
        return ZOO[name].network(), ZOO[name].inputs
    except ImportError as error:
        pytest.skip(f"{error!r:.120}")


def written(module: nn.Module) -> type[nn.Module]:
    """The class without what a parametrisation puts above it."""
    cls = type(module)
    return cls.__bases__[0] if parametrize.is_parametrized(module) else cls


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    assert list(found) == list(expected)
    most = max(g.norm() for g in expected.values())
    for name, g in expected.items():
        assert (found[name] - g).norm() <= tolerance * (g.norm() + 1e-3 * most), name


@each
def test_each_convolution_is_converted_or_left_with_a_reason(name: str) -> None:
    network, inputs = built(name)
    before = {name: written(m) for name, m in convolutions(network).items()}
    report = pb.convert_(network, HALF, example=inputs)
    assert [row.name for row in report.rows] == list(before)
    for row in report.rows:
        layer, cls = convolutions(network)[row.name], before[row.name]
        assert row.before == cls.__name__
        plain, points = cls in PLAIN, all(k == 1 for k in layer.kernel_size)
        assert row.converted is (plain and not points)
        assert isinstance(layer, pb.nn.setting.BandSetting) is row.converted
        assert (written(layer) is cls) is not row.converted
        assert row.after == (f"Band{cls.__name__}" if row.converted else cls.__name__)
        assert ("a subclass" in row.reason) is not plain
        assert ("kernel size 1" in row.reason) is (plain and points)
    assert report.unreached == UNREACHED.get(name, ())
    if any(row.plans for row in report.converted):
        assert 0 < report.keep_measured < 0.75
    assert f"{len(report.converted)} of {len(report.rows)} convolutions" in str(report)


@each
def test_a_training_step(name: str) -> None:
    plain, inputs = built(name)
    _, expected = gradients(plain, inputs)
    network, _ = built(name)
    pb.convert_(network, HALF)
    loss, found = gradients(network, inputs)
    assert loss.isfinite()
    assert list(found) == list(expected)
    assert all(g.isfinite().all() for g in found.values())
    assert sum(float(g.norm()) for g in found.values()) > 0
    torch.optim.SGD(network.parameters(), 1e-3).step()
    assert objective(network, inputs).isfinite()


@each
def test_keep_1_is_the_plain_network(name: str) -> None:
    plain, inputs = built(name)
    network, _ = built(name)
    pb.convert_(network, pb.Band(keep=1.0), example=inputs)
    loss, found = gradients(network, inputs)
    expected_loss, expected = gradients(plain, inputs)
    assert torch.equal(loss, expected_loss)
    zeros = all(layer.padding_mode == "zeros" for layer in convolutions(plain).values())
    if zeros:
        assert list(found) == list(expected)
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert_close(found, expected, 1e-5)


@each
def test_state_dicts_fit_and_everything_comes_back_to_the_bit(name: str) -> None:
    plain, inputs = built(name)
    network, _ = built(name)
    pb.convert_(network, HALF, memory=pb.MemoryPolicy.exact())
    assert list(network.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(network.state_dict(), strict=True)
    network.load_state_dict(plain.state_dict(), strict=True)
    pb.revert_(network)
    assert repr(network) == repr(plain)
    for module, twin in zip(network.modules(), plain.modules(), strict=True):
        assert written(module) is written(twin)
        assert vars(module).keys() == vars(twin).keys()
    ours, theirs = network.state_dict(), plain.state_dict()
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())
    for model in (network, plain):
        model.train()
    assert torch.equal(objective(network, inputs), objective(plain, inputs))
    assert torch.equal(objective(network.eval(), inputs), objective(plain.eval(), inputs))


@each
def test_an_exact_policy_changes_no_gradient_and_holds_no_more(name: str) -> None:
    (network, inputs), (small, _) = built(name), built(name)
    pb.convert_(network, HALF)
    pb.convert_(small, HALF, memory=pb.MemoryPolicy.exact())
    dtype = ZOO[name].dtype
    inputs = tuple(x.to(dtype) if x.is_floating_point() else x for x in inputs)
    expected_loss, expected = gradients(network.to(dtype), inputs)
    loss, found = gradients(small.to(dtype), inputs)
    tolerance = 1e-4 if dtype == torch.float32 else 1e-9
    torch.testing.assert_close(loss, expected_loss, rtol=tolerance, atol=0)
    assert_close(found, expected, tolerance)
    assert held(name, HALF, pb.MemoryPolicy.exact()) <= held(name, None, None)


@each
def test_the_page_has_what_is_measured(name: str) -> None:
    built(name)  # or skips
    if name.startswith(("torchvision", "timm", "segmentation")):
        pytest.skip("the page is written without torchvision")
    assert line(name) in PAGE.read_text().splitlines()


@each
def test_a_frozen_network_computes_the_same(name: str) -> None:
    network, inputs = built(name)
    report = pb.convert_(network, HALF)
    if not report.converted:
        pytest.skip("nothing in it is converted")
    network.eval()
    with torch.no_grad():
        torch.manual_seed(1)
        expected = outputs(network(*inputs))
        assert pb.freeze_(network) == len(report.converted)
        for _ in range(2):  # the second finds what the first left
            torch.manual_seed(1)
            found = outputs(network(*inputs))
            for a, b in zip(found, expected, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4 * float(b.abs().max()))


@pytest.mark.parametrize("name", ["transformers: Big Transfer", "transformers: Mamba"])
def test_a_scope_reaches_what_conversion_does_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Convolutions of a subclass, or of a function that is given a layer's weight."""
    network, inputs = built(name)
    plain, _ = gradients(network, inputs)
    with pb.bandlimited(HALF):
        loss, found = gradients(network, inputs)
    for form in ("conv1d", "conv2d"):
        monkeypatch.setattr(nn.functional, form, banded(form))
    expected_loss, expected = gradients(built(name)[0], inputs)
    assert torch.equal(loss, expected_loss)
    assert not torch.equal(loss, plain)
    assert_close(found, expected, 1e-5)


def banded(form: str) -> Callable[..., Tensor]:
    """PyTorch's function, or where a filter is longer than 1 its band-limited form."""
    plain, band = getattr(nn.functional, form), getattr(pb.functional, f"band_{form}")

    def convolve(x: Tensor, weight: Tensor, *options: Any, **named: Any) -> Tensor:
        if all(k == 1 for k in weight.shape[2:]):
            y: Tensor = plain(x, weight, *options, **named)
        else:
            y = band(x, weight, *options, band=HALF, **named)
        return y

    return convolve
