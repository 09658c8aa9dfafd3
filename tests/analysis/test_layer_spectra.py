"""Spectra of layers against those of the maps, filters and gradients themselves."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.utils import parametrizations

import passband as pb
from passband.analysis import RadialEnergy, layer_spectra, radial_energy
from passband.lab import models

ANY: Any = layer_spectra


class Net(nn.Module):
    """With all that is easily disturbed: statistics, dropout, in-place activations."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.second = nn.Conv2d(4, 3, (3, 2), stride=2, dilation=(2, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.drop(self.norm(self.relu(self.first(x)))))
        out: Tensor = y.mean((2, 3)) + torch.rand(()) * 0
        return out


def same(found: RadialEnergy | None, wanted: RadialEnergy) -> None:
    assert found is not None
    assert found.energy.tolist() == pytest.approx(wanted.energy.tolist(), rel=1e-4, abs=1e-9)
    assert found.points.tolist() == wanted.points.tolist()


def by_hand(net: Net, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
    net = copy.deepcopy(net).eval()
    a = net.first(x)
    b = net.norm(a.relu())
    c = net.second(b)
    loss = F.cross_entropy(c.mean((2, 3)), labels)
    names = ("a", "c", "w1", "w2")
    grads = torch.autograd.grad(loss, [a, c, net.first.weight, net.second.weight])
    return {"x": x, "a": a, "b": b, "c": c} | {
        f"d{name}": grad for name, grad in zip(names, grads, strict=True)
    }


def spread(taps: Tensor) -> Tensor:
    """Taps of (3, 2) as the dilation (2, 1) puts them."""
    out = taps.new_zeros(*taps.shape[:2], 5, 2)
    out[:, :, ::2] = taps
    return out


def test_every_kind_against_the_maps_themselves() -> None:
    net = Net().train()
    batches = [(torch.randn(3, 2, 8, 9), torch.tensor([0, 1, 2])) for _ in range(2)]
    found = layer_spectra(net, batches, F.cross_entropy)
    assert [layer.name for layer in found.layers] == ["first", "second"]
    hands = [by_hand(net, *batch) for batch in batches]
    for name, kind, what in (
        ("first", "inputs", "x"), ("first", "outputs", "a"), ("first", "output_gradients", "da"),
        ("second", "inputs", "b"), ("second", "outputs", "c"), ("second", "output_gradients", "dc"),
    ):  # fmt: skip
        both = [radial_energy(hand[what]) for hand in hands]
        wanted = RadialEnergy(both[0].frequencies, both[0].energy + both[1].energy, both[0].points)
        same(getattr(found[name], kind), wanted)
    same(found["first"].weights, radial_energy(net.first.weight, (8, 9)))
    same(found["second"].weights, radial_energy(spread(net.second.weight), (8, 9)))
    for name, what in (("first", "dw1"), ("second", "dw2")):
        taps = [spread(hand[what]) if what == "dw2" else hand[what] for hand in hands]
        # The energy of two gradients, not of their sum.
        same(found[name].weight_gradients, radial_energy(torch.cat(taps), (8, 9)))


def test_without_a_loss_there_are_no_gradients() -> None:
    found = layer_spectra(Net(), torch.randn(2, 2, 8, 8))["first"]
    assert (found.output_gradients, found.weight_gradients) == (None, None)
    assert found.size == (8, 8)


@pytest.mark.parametrize("loss", [None, lambda y: y.square().sum()])
def test_the_model_stays_as_it_was(loss: Any) -> None:
    net = Net().train()
    net.norm.eval()
    pb.convert_(net, pb.Band(keep=0.5))
    net(torch.randn(2, 2, 8, 8)).sum().backward()
    grads = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    text, state = repr(net), copy.deepcopy(net.state_dict())
    x = torch.randn(2, 2, 8, 8)
    before, chance = x.clone(), torch.get_rng_state()
    layer_spectra(net, x, loss)
    assert torch.equal(torch.get_rng_state(), chance)
    assert repr(net) == text
    assert all(torch.equal(t, state[name]) for name, t in net.state_dict().items())
    after = [p.grad for p in net.parameters() if p.grad is not None]
    assert all(torch.equal(one, other) for one, other in zip(grads, after, strict=True))
    assert [m.training for m in net.modules()] == [m is not net.norm for m in net.modules()]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert torch.equal(x, before)
    assert not x.requires_grad


def test_an_error_leaves_no_trace() -> None:
    net = Net().train()
    with pytest.raises(RuntimeError):
        layer_spectra(net, [torch.randn(2, 2, 8, 8), torch.randn(2, 5, 8, 8)])
    assert all(m.training for m in net.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_a_band_limited_layer_returns_nothing_above_its_band() -> None:
    model = nn.Sequential(
        pb.nn.BandConv1d(2, 3, 3, padding=1, padding_mode="circular", band=pb.Band(modes=4),
                         bias=False)
    )  # fmt: skip
    found = layer_spectra(model, torch.randn(4, 2, 16), lambda y: y.square().sum())["0"]
    share = found.outputs.share
    assert float(share[:4].sum()) == pytest.approx(1)
    assert float(found.inputs.share[4:].sum()) > 0.3
    assert found.weight_gradients is not None


def test_a_delta_has_flat_weights() -> None:
    layer = nn.Conv2d(1, 2, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.zero_()[:, :, 1, 0] = 3.0
    found = layer_spectra(layer, torch.randn(1, 1, 10, 10))[""].weights
    assert found.density.tolist() == pytest.approx([18 / 100] * len(found.density))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_transposed_and_unbatched_and_wide_kernels(dims: int) -> None:
    kind: Any = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[dims - 1]
    up = kind(2, 3, 4, stride=2)
    x = torch.randn(2, *(3,) * dims)
    found = layer_spectra(up, x)[""]
    with torch.no_grad():
        same(found.outputs, radial_energy(up(x)[None]))
    same(found.inputs, radial_energy(x[None]))
    same(found.weights, radial_energy(up.weight, (8,) * dims))  # they lie on its output
    wide: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1](2, 3, 5, padding=2)
    same(layer_spectra(wide, x)[""].weights, radial_energy(wide.weight, (5,) * dims))


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(self.conv(x)[..., ::2])
        return y


def test_maps_of_two_sizes_are_two_spectra() -> None:
    found = layer_spectra(Shared(), torch.randn(2, 1, 16), lambda y: y.sum())
    assert [(layer.name, layer.size) for layer in found.layers] == [("conv", (16,)), ("conv", (8,))]
    assert found["conv"].size == (16,)
    assert all(layer.weight_gradients is not None for layer in found.layers)


def test_parametrised_and_frozen_layers() -> None:
    model: Any = nn.Sequential(
        parametrizations.weight_norm(nn.Conv1d(1, 2, 3)), nn.Conv1d(2, 2, 3).requires_grad_(False)
    )
    x = torch.randn(2, 1, 12)
    found = layer_spectra(model, x, lambda y: y.square().sum())
    weight = model[0].weight.detach().requires_grad_()
    y = model[1](F.conv1d(x, weight, model[0].bias))
    (grad,) = torch.autograd.grad(y.square().sum(), weight)
    same(found["0"].weight_gradients, radial_energy(grad, (12,)))
    assert found["1"].weight_gradients is None
    same(found["1"].output_gradients, radial_energy(2 * y))


def test_a_spectral_network() -> None:
    torch.manual_seed(0)
    net: Any = models.create_model("spec_lenet5", num_classes=10, in_channels=1, image_size=8)
    x, labels = torch.randn(3, 1, 8, 8), torch.tensor([1, 2, 3])
    found = layer_spectra(net, [(x, labels)], F.cross_entropy)
    assert len(found.layers) >= 2
    first = found.layers[0]
    assert first.inputs.total == pytest.approx(float(x.square().sum()), rel=1e-4)
    assert first.weights.points.sum().item() == first.size[0] * first.size[1]
    for layer in found.layers:
        assert layer.output_gradients is not None
        assert layer.output_gradients.total > 0


def test_the_gradient_of_a_spectrum_is_that_of_its_maps() -> None:
    """The first two layers in space: a product of spectra on a ring is a circular convolution."""
    for norm in ("ortho", "backward"):
        spec: Any = nn.Sequential(
            pb.nn.ToSpectrum(norm=norm), pb.nn.SpecConv1d(2, 3, 3, bias=False), pb.nn.ToSpace()
        )
        plain = nn.Conv1d(2, 3, 3, padding=1, padding_mode="circular", bias=False)
        plain.load_state_dict({"weight": spec[1].weight.detach()})
        x = torch.randn(2, 2, 9)
        batches = [(x, torch.randn(2, 3, 9))]
        both = [
            layer_spectra(m, batches, lambda y, target: (y * target).sum()) for m in (spec, plain)
        ]
        for kind in ("inputs", "weights", "output_gradients", "weight_gradients", "outputs"):
            same(*(getattr(found.layers[0], kind) for found in both))


def test_a_memory_policy_changes_no_spectrum() -> None:
    net = Net()
    batches = [(torch.randn(3, 2, 8, 9), torch.tensor([0, 1, 2]))]
    plain = layer_spectra(net, batches, F.cross_entropy)
    pb.convert_(net, None, memory=pb.MemoryPolicy.exact())
    held = layer_spectra(net, batches, F.cross_entropy)
    for name in ("first", "second"):
        for kind in ("outputs", "output_gradients", "weight_gradients"):
            same(getattr(held[name], kind), getattr(plain[name], kind))


def test_they_are_drawn() -> None:
    found = layer_spectra(
        Net(), [(torch.randn(3, 2, 8, 9), torch.tensor([0, 1, 2]))], F.cross_entropy
    )
    axes = found["first"].draw(Figure().add_subplot())
    assert [line.get_label() for line in axes.lines] == [
        "inputs", "outputs", "weights", "output gradients", "weight gradients"
    ]  # fmt: skip
    axes = found.draw(Figure().add_subplot(), "weights")
    assert [line.get_label() for line in axes.lines] == ["first", "second"]
    with pytest.raises(ValueError, match="'weight'"):
        found.draw(Figure().add_subplot(), "weight")  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="third"):
        found["third"]


X = torch.randn(2, 2, 8, 8)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: ANY(1, X), TypeError, "int"),
        (lambda: ANY(nn.Linear(2, 2), X), ValueError, "Linear has no convolution"),
        (lambda: ANY(Net(), []), ValueError, "no data"),
        (lambda: ANY(Net(), [{"x": 1}]), TypeError, "{'x': 1}"),
        (lambda: ANY(Net(), X, lambda y: 1.0), TypeError, "float"),
        (lambda: ANY(Net(), X, lambda y: y), ValueError, "(2, 3)"),
        (lambda: ANY(Net(), X, lambda y: y.sum().detach()), ValueError, "requires_grad=False"),
    ],
)
def test_it_is_refused(call: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=re.escape(told)):
        call()
