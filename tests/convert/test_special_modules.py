"""Tied, frozen, hooked and parametrised modules; copies and files."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

import passband as pb

HALF = pb.Band(keep=0.5)


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(4, 6, 5, stride=2, padding=2, groups=2), nn.Tanh()),
        nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1),
    )


def example() -> Tensor:
    return torch.randn(2, 3, 12, 10, generator=torch.Generator().manual_seed(1))


def test_tied_modules_stay_one() -> None:
    torch.manual_seed(0)
    shared = nn.Conv2d(3, 3, 3, padding=1)
    model, x = nn.Sequential(shared, nn.ReLU(), shared), torch.randn(1, 3, 8, 8)
    before = model(x)
    report = pb.convert_(model, HALF)
    assert [row.name for row in report.rows] == ["0"], "one module, one row"
    assert model[0] is model[2] is shared
    inner = pb.functional.band_conv2d(x, shared.weight, shared.bias, padding=1, band=HALF)
    twice = pb.functional.band_conv2d(
        inner.relu(), shared.weight, shared.bias, padding=1, band=HALF
    )
    assert torch.equal(model(x), twice)
    assert pb.revert_(model) == ["0"]
    assert torch.equal(model(x), before)


def test_tied_weights_stay_one() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1))
    first, second = model[0], model[1]
    assert isinstance(first, nn.Conv2d)
    assert isinstance(second, nn.Conv2d)
    second.weight = first.weight
    pb.convert_(model, HALF)
    assert second.weight is first.weight
    x = torch.randn(1, 3, 8, 8)
    model(x).sum().backward()
    together = first.weight.grad
    assert together is not None
    apart = copy.deepcopy(model)
    apart_first, apart_second = apart[0], apart[1]
    assert isinstance(apart_first, nn.Conv2d)
    assert isinstance(apart_second, nn.Conv2d)
    assert apart_first.weight is apart_second.weight, "deepcopy keeps the tie"
    apart_second.weight = nn.Parameter(apart_second.weight.detach().clone())
    apart_first.weight.grad = None
    apart(x).sum().backward()
    assert apart_first.weight.grad is not None
    assert apart_second.weight.grad is not None
    torch.testing.assert_close(together, apart_first.weight.grad + apart_second.weight.grad)
    pb.revert_(model)
    assert second.weight is first.weight


def test_frozen_parameters_stay_frozen() -> None:
    model = small()
    model.get_parameter("0.weight").requires_grad_(False)
    model.get_parameter("4.bias").requires_grad_(False)
    pb.convert_(model, HALF)
    model(example()).sum().backward()
    for name, p in model.named_parameters():
        frozen = name in ("0.weight", "4.bias")
        assert p.requires_grad is not frozen
        assert (p.grad is None) is frozen
    pb.revert_(model)
    assert not model.get_parameter("0.weight").requires_grad


def test_hooks_fire_before_during_and_after() -> None:
    model, x = small(), example().requires_grad_()
    calls: list[str] = []
    layer = model[0]
    layer.register_forward_pre_hook(lambda *_: calls.append("pre"))
    layer.register_forward_hook(lambda *_: calls.append("forward"))
    layer.register_full_backward_hook(lambda *_: calls.append("backward"))
    weight: Any = model.get_parameter("0.weight")
    weight.register_hook(lambda _: calls.append("grad"))
    for change in (lambda: None, lambda: pb.convert_(model, HALF), lambda: pb.revert_(model)):
        change()
        calls.clear()
        model(x).sum().backward()
        assert sorted(calls) == ["backward", "forward", "grad", "pre"]


def weight_normed(module: nn.Conv2d) -> nn.Module:
    normed: nn.Module = parametrizations.weight_norm(module)
    return normed


def spectral_normed(module: nn.Conv2d) -> nn.Module:
    return parametrizations.spectral_norm(module)


def orthogonal(module: nn.Conv2d) -> nn.Module:
    return parametrizations.orthogonal(module)


@pytest.mark.parametrize("make", [weight_normed, spectral_normed, orthogonal])
@pytest.mark.parametrize("remove_while", ["converted", "reverted"])
def test_parametrised_layers(make: Callable[[nn.Conv2d], nn.Module], remove_while: str) -> None:
    torch.manual_seed(0)
    layer = make(nn.Conv2d(3, 4, 3, padding=1)).eval()
    assert isinstance(layer, nn.Conv2d)
    x = torch.randn(1, 3, 8, 8)
    before, names = layer(x), list(layer.state_dict())
    (row,) = pb.convert_(layer, HALF).converted
    assert (row.before, row.after) == ("Conv2d", "BandConv2d")
    assert isinstance(layer, pb.nn.BandConv2d)
    assert parametrize.is_parametrized(layer, "weight")
    assert list(layer.state_dict()) == names
    band = pb.functional.band_conv2d(x, layer.weight, layer.bias, padding=1, band=HALF)
    assert torch.equal(layer(x), band)
    assert torch.equal(copy.deepcopy(layer)(x), band)
    layer(x).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    if remove_while == "converted":
        parametrize.remove_parametrizations(layer, "weight")
        assert type(layer) is pb.nn.BandConv2d
        assert torch.equal(layer(x), band)
        assert pb.revert_(layer) == [""]
    else:
        assert pb.revert_(layer) == [""]
        assert parametrize.is_parametrized(layer, "weight")
        assert torch.equal(layer(x), before)
        parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Conv2d
    assert torch.equal(layer(x), before)


def test_a_layer_may_be_parametrised_while_it_is_converted() -> None:
    torch.manual_seed(0)
    layer, x = nn.Conv2d(3, 4, 3), torch.randn(1, 3, 8, 8)
    pb.convert_(layer, HALF)
    parametrizations.weight_norm(layer)
    before = layer(x)
    torch.testing.assert_close(
        before, pb.functional.band_conv2d(x, layer.weight, layer.bias, band=HALF)
    )
    assert pb.revert_(layer) == [""]
    assert torch.equal(layer(x), torch.nn.functional.conv2d(x, layer.weight, layer.bias))


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weight_norm_by_hooks_as_it_was() -> None:
    torch.manual_seed(0)
    old_style: Any = torch.nn.utils.weight_norm
    layer = old_style(nn.Conv2d(3, 4, 3))
    x = torch.randn(1, 3, 8, 8)
    before = layer(x)
    pb.convert_(layer, HALF)
    with torch.no_grad():
        layer.weight_g.mul_(2)
    doubled = pb.functional.band_conv2d(x, 2 * layer.weight, layer.bias, band=HALF)
    torch.testing.assert_close(layer(x), doubled, msg="the hook computes the weight anew")
    with torch.no_grad():
        layer.weight_g.div_(2)
    pb.revert_(layer)
    assert torch.equal(layer(x), before)


def test_copies_and_pickles_are_the_same_model_and_independent() -> None:
    model, x = small().eval(), example()
    pb.convert_(model, pb.Band(cutoff=(0.4, 0.6), fft_size="fast"), plan="dft")
    before = model(x)
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    copies = [
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        torch.load(buffer, weights_only=False),
    ]
    for other in copies:
        assert torch.equal(other(x), before)
        assert other[0].band == model[0].band
        pb.set_band_(other, HALF)
        assert not torch.equal(other(x), before)
    assert torch.equal(model(x), before), "no copy shares the band"
    for other in copies:
        pb.revert_(other)
    assert type(model[0]) is pb.nn.BandConv2d


def test_a_state_dict_on_disk_loads_with_weights_only(tmp_path: Path) -> None:
    model = small()
    pb.convert_(model, HALF)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    plain = small()
    with torch.no_grad():
        for p in plain.parameters():
            p.zero_()
    state = torch.load(tmp_path / "weights.pt", weights_only=True)
    plain.load_state_dict(state, strict=True)
    pb.revert_(model)
    assert torch.equal(plain.eval()(example()), model.eval()(example()))


def test_devices_and_dtypes_move_as_before() -> None:
    model = small()
    pb.convert_(model, HALF)
    model.double()
    y = model(example().double())
    assert y.dtype == torch.float64
    shape = y.shape
    model.to("meta")
    assert model(example().double().to("meta")).shape == shape
