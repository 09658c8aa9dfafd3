"""A model layer by layer: shapes, bytes as `pb.memory.saved` counts them, energy by numpy's FFT."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import passband as pb
from passband.lab.inspect import Inspection, inspected
from passband.lab.models import create_model

MODELS = {
    "lenet5": (4, 1, 28, 28), "fcn": (3, 2, 40), "resnet20": (2, 3, 16, 16),
    "densenet_table1": (2, 3, 8, 8), "unet": (2, 1, 16, 16), "cnn3d": (2, 1, 6, 6, 6),
    "inceptiontime": (2, 1, 50), "mobilenet": (2, 3, 16, 16), "spec_lenet5_bn": (3, 1, 28, 28),
}  # fmt: skip


def network(name: str) -> tuple[nn.Module, Tensor]:
    shape = MODELS[name]
    return create_model(name, num_classes=5, in_channels=shape[1]), torch.randn(shape)


@pytest.mark.parametrize("name", MODELS)
def test_bytes_of_layers_are_all_that_autograd_holds(name: str) -> None:
    model, x = network(name)
    found = inspected(name, model, x)
    assert found.saved_bytes == pb.memory.saved(lambda: model(x)).total
    assert found.keep is None


@pytest.mark.parametrize("policy", [None, pb.MemoryPolicy.exact()])
def test_so_they_are_of_a_converted_model(policy: pb.MemoryPolicy | None) -> None:
    model, x = network("resnet20")
    report = pb.convert_(model, pb.Band(keep=0.25), memory=policy, example=x)
    found = inspected("resnet20", model, x)
    assert found.saved_bytes == pb.memory.saved(lambda: model(x)).total
    assert found.keep == pytest.approx(report.keep_measured)


@pytest.mark.parametrize("name", ["lenet5", "fcn", "resnet20", "unet", "cnn3d", "mobilenet"])
def test_flops_of_plain_networks_are_those_of_pytorchs_counter(name: str) -> None:
    model, x = network(name)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x)
    assert inspected(name, model, x).flops == counter.get_total_flops()


def test_the_layers_of_a_small_network() -> None:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Flatten(),
        nn.Linear(4 * 64, 3),
    )  # fmt: skip
    pb.convert_(model, pb.Band(modes=3), plan="dft")
    found = inspected("small", model, torch.randn(5, 2, 8, 8))
    table = [(one.name, one.type, one.plan, one.requested, one.output) for one in found.layers]
    assert table == [
        ("0", "BandConv2d", "dft", "modes=3", (5, 4, 8, 8)),
        ("1", "ReLU", "", "", (5, 4, 8, 8)),
        ("2", "Conv2d", "direct", "", (5, 4, 8, 8)),
        ("3", "Flatten", "", "", (5, 256)),
        ("4", "Linear", "", "", (5, 3)),
    ]
    first, relu, pointwise, flatten, linear = found.layers
    assert first.input == (5, 2, 8, 8)
    bins = (5 * 5 + 1) // 2  # of 25 frequencies, of each pair one
    assert first.keep == pytest.approx(5 * 3 / (9 * 5))  # of what rfft2 returns for a 9x9 ring
    assert first.coefficients == 2 * 9 * 5
    assert first.saved_bytes == 5 * 2 * bins * 2 * 4  # the kept spectrum
    assert relu.saved_bytes == 5 * 4 * 64 * 4
    assert pointwise.saved_bytes == 0  # its input is what the ReLU holds
    assert pointwise.flops == 2 * 5 * 4 * 4 * 64
    assert (flatten.flops, linear.flops) == (None, 2 * 5 * 256 * 3)
    assert linear.saved_bytes == 5 * 256 * 4
    assert found.flops == sum(one.flops or 0 for one in found.layers)
    assert first.energy is None


def energies(found: Inspection) -> list[float | None]:
    return [one.energy for one in found.layers if one.keep is not None]


@pytest.mark.parametrize("padding", [1, 0])
def test_energy_kept_is_that_of_numpys_spectrum(padding: int) -> None:
    rng = np.random.default_rng(3)
    x = torch.from_numpy(rng.standard_normal((4, 3, 15, 12)).cumsum(-1).cumsum(-2))
    model = nn.Sequential(nn.Conv2d(3, 2, 3, padding=padding)).double()
    pb.convert_(model, pb.Band(modes=(4, 3)))
    lengths = (16, 13) if padding else (15, 12)
    power = np.abs(np.fft.fft2(x.numpy(), s=lengths)) ** 2  # of all frequencies, twins too
    rows, columns = (np.abs(np.fft.fftfreq(L, 1 / L)) for L in lengths)
    kept = power[:, :, (rows <= 3)[:, None] & (columns <= 2)].sum() / power.sum()
    assert 0.1 < kept < 1
    assert energies(inspected("one", model, x, energy=True)) == [pytest.approx(kept)]


def test_energy_of_the_second_layer_is_of_what_reaches_it() -> None:
    model = nn.Sequential(nn.Conv1d(2, 3, 5, padding=2), nn.ReLU(), nn.Conv1d(3, 2, 3))
    pb.convert_(model, pb.Band(cutoff=0.3))
    x = torch.randn(2, 2, 32)
    with torch.no_grad():
        y = model[1](model[0](x)).double().numpy()
    power = np.abs(np.fft.rfft(y, axis=-1)) ** 2
    power[..., 1:-1] *= 2  # the bins whose mirror images rfft leaves out
    band: Any = model[2]
    kept = power[..., : band.plan_for(torch.from_numpy(y).float()).geometry.modes[0]].sum()
    found = energies(inspected("two", model, x, energy=True))
    assert found[1] == pytest.approx(kept / power.sum(), rel=1e-5)


def test_a_band_of_everything_keeps_all_energy_and_nothing_has_none() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3))
    pb.convert_(model, pb.Band(keep=1))
    found = inspected("all", model, torch.randn(1, 1, 8, 8), energy=True)
    assert energies(found) == [pytest.approx(1)]
    assert energies(inspected("all", model, torch.zeros(1, 1, 8, 8), energy=True)) == [None]


class Twice(nn.Module):
    """A layer that runs twice, and a function that holds something itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(input=F.silu(self.conv(x)))
        return y


def test_each_pass_is_a_line_and_so_is_what_a_module_holds_itself() -> None:
    x = torch.randn(3, 2, 6, 6)
    bytes_of_x = x.numel() * 4
    found = inspected("twice", Twice(), x)
    lines = [(one.name, one.type, one.saved_bytes, one.input) for one in found.layers]
    assert lines == [
        ("", "Twice", bytes_of_x, (3, 2, 6, 6)),  # the input of silu
        ("conv", "Conv2d", bytes_of_x, (3, 2, 6, 6)),
        ("conv", "Conv2d", bytes_of_x, (3, 2, 6, 6)),
    ]
    assert found.flops == 2 * (2 * 3 * 2 * 2 * 9 * 36)


def test_a_spectral_block_is_one_layer() -> None:
    model, x = network("spec_lenet5_bn")
    types = [one.type for one in inspected("spec", model, x).layers]
    assert types.count("SpecBlock2d") == 2
    assert not {"SpecConv2d", "Threshold"} & set(types)


def test_the_model_is_left_as_it_was() -> None:
    model, x = network("resnet20")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    inspected("resnet20", model, x)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())


def test_what_is_no_model() -> None:
    with pytest.raises(TypeError, match=r"the model is a torch.nn.Module; got int"):
        inspected("3", 3, torch.zeros(1))  # type: ignore[arg-type]
