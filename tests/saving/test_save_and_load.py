"""What was saved is what is loaded: values to the bit, bands, policies; on every kind of model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

import passband as pb
from passband.convert.layers import band_layers
from passband.memory.attach import attach_, detach_, policy_of

Make = Callable[[], nn.Module]
EXACT, UNCHANGED = pb.MemoryPolicy.exact(), pb.MemoryPolicy.unchanged_forward(bits=4, basis="dct")


def plain() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(8, 6, 3, stride=2, groups=2), nn.SiLU()),
        nn.ConvTranspose2d(6, 2, 2, stride=2),
        nn.Conv2d(2, 3, 1),
    )


def converted() -> nn.Module:
    model = plain()
    pb.convert_(model, pb.Band(keep=0.5), pointwise=True)
    pb.set_band_(model, {"0": pb.Band(cutoff=(0.3, 0.7), fft_size="fast"), "4": pb.Band(modes=2)})
    return model


def partly() -> nn.Module:
    model = plain()
    pb.convert_(model, pb.Band(keep=0.3), where=lambda name, _: name == "3.0", plan="dft",
                stride_mode="spectral")  # fmt: skip
    return model


def calibrated() -> nn.Module:
    model = plain()
    pb.convert_(model, pb.Band(energy=0.9))
    pb.calibrate_(model, [maps()])
    return model


def dynamic() -> nn.Module:
    model = plain()
    pb.convert_(model, pb.Band(energy=0.9, dynamic=True))
    return model


def with_policy(band: pb.Band | None, policy: pb.MemoryPolicy) -> nn.Module:
    model = plain()
    pb.convert_(model, band, memory=policy)
    return model


def frozen() -> nn.Module:
    model = converted()
    pb.freeze_(model)
    return model


def tied() -> nn.Module:
    model = nn.Sequential(*(nn.Conv2d(2, 2, 3, padding=1) for _ in range(3)))
    model[2].weight = model[0].weight  # one of a parameter, one of a module
    model.append(model[1])
    pb.convert_(model, pb.Band(keep=0.4))
    return model


def parametrized() -> nn.Module:
    model = plain()
    parametrizations.weight_norm(model[0])
    pb.convert_(model, pb.Band(keep=0.4))
    return model


def spectral() -> nn.Module:
    blocks = (pb.nn.SpecBlock2d(2, 4, 3, beta=0.3, norm=True), pb.nn.SpecBlock2d(4, 2, 3, beta=0.2))
    model = nn.Sequential(pb.nn.ToSpectrum(2), *blocks, pb.nn.ToSpace())
    pb.set_beta_(model, {"1.threshold": 0.75})
    return model


class WithBuffers(nn.Module):
    """A complex number, none at all, and parts of one storage."""

    turn: Tensor
    left: Tensor
    right: Tensor

    def __init__(self) -> None:
        super().__init__()
        both = torch.randn(4, 3)
        self.register_buffer("turn", torch.randn(3, dtype=torch.complex64))
        self.register_buffer("empty", torch.empty(0, 3))
        self.register_buffer("nothing", torch.empty(0, 3))
        self.register_buffer("left", both[:, :2])
        self.register_buffer("right", both[:, 1:])
        self.register_buffer("count", torch.tensor(3))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.turn.real.sum() + self.left.sum() - self.right[0, 0]


KINDS: dict[str, Make] = {
    "plain": plain,
    "converted": converted,
    "partly converted": partly,
    "calibrated": calibrated,
    "dynamic band": dynamic,
    "exact policy": lambda: with_policy(pb.Band(keep=0.5), EXACT),
    "bf16 policy": lambda: with_policy(pb.Band(keep=0.5), pb.MemoryPolicy.bf16()),
    "unchanged forward": lambda: with_policy(None, UNCHANGED),
    "frozen": frozen,
    "tied": tied,
    "parametrized": parametrized,
    "spectral": spectral,
    "bfloat16": lambda: converted().bfloat16(),
    "double": lambda: converted().double(),
    "channels last": lambda: converted().to(memory_format=torch.channels_last),  # type: ignore[call-overload]
    "buffers": WithBuffers,
    "a layer alone": lambda: pb.nn.BandConv2d(2, 3, 3, keep=0.3),
}


def maps(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(3, 2, 10, 9, generator=torch.Generator().manual_seed(1)).to(dtype)


def disturbed(make: Make) -> nn.Module:
    """Another than a fresh one, in its running statistics, too."""
    torch.manual_seed(5)
    model = make()
    with torch.no_grad():
        for t in model.state_dict().values():
            if t.is_floating_point() and t.numel() > 1:
                t.mul_(1.25)
    return model


def output(model: nn.Module) -> Tensor:
    dtype = next((p.dtype for p in model.parameters()), torch.float32)
    with torch.no_grad():
        y: Tensor = model.eval()(maps(dtype))
    return y


@pytest.mark.parametrize("name", KINDS)
def test_a_fresh_model_becomes_what_was_saved(name: str, tmp_path: Path) -> None:
    model, path = disturbed(KINDS[name]), tmp_path / "net.safetensors"
    pb.save(model, path)
    torch.manual_seed(6)
    other = KINDS[name]()
    pb.revert_(other)
    pb.load_(other, path)
    assert torch.equal(output(other), output(model))
    state = model.state_dict()
    assert all(torch.equal(t, state[key]) for key, t in other.state_dict().items())
    assert all(t.dtype == state[key].dtype for key, t in other.state_dict().items())
    settings = {key: layer.setting for key, layer in band_layers(model).items()}
    assert {key: layer.setting for key, layer in band_layers(other).items()} == settings
    assert [policy_of(m) for m in other.modules()] == [policy_of(m) for m in model.modules()]
    assert not any(layer.frozen for layer in band_layers(other).values())


@pytest.mark.parametrize("name", ["plain", "partly converted", "unchanged forward"])
def test_whatever_a_model_was_made_before(name: str, tmp_path: Path) -> None:
    model, other = disturbed(KINDS[name]), plain()
    pb.convert_(other, pb.Band(keep=0.9), memory=pb.MemoryPolicy.bf16(), pointwise=True)
    pb.freeze_(other)
    pb.save(model, tmp_path / "net.safetensors")
    report = pb.load_(other, tmp_path / "net.safetensors")
    assert [type(m) for m in other.modules()] == [type(m) for m in model.modules()]
    assert report.memory == policy_of(model)
    assert str(report) == str(pb.report(model))
    assert torch.equal(output(other), output(model))


def test_parameters_stay_the_same_objects(tmp_path: Path) -> None:
    pb.save(disturbed(converted).half(), tmp_path / "net.safetensors")
    model = plain().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model(maps()).sum().backward()
    before = [*model.parameters()]
    pb.load_(model, tmp_path / "net.safetensors")
    assert all(p is q for p, q in zip(model.parameters(), before, strict=True))
    assert {p.dtype for p in before} == {torch.float16}
    assert all(p.grad is None for p in before)
    assert before[0].is_contiguous(memory_format=torch.channels_last)


def test_policies_of_parts(tmp_path: Path) -> None:
    def nested() -> nn.Module:
        parts = (nn.Sequential(nn.Sequential(nn.Conv2d(2, 2, 3), nn.ReLU()), nn.ReLU())
                 for _ in range(3))  # fmt: skip
        return nn.Sequential(*parts)

    model, other = nested(), nested()
    attach_(model, EXACT)
    attach_(model.get_submodule("1.0"), UNCHANGED)
    detach_(model.get_submodule("2"))
    pb.save(model, tmp_path / "net.safetensors")
    said = json.loads((tmp_path / "net.json").read_text())["memory"]
    assert list(said) == ["", "1.0", "2"]
    assert said["2"] is None
    pb.load_(other, tmp_path / "net.safetensors")
    found = {name: policy_of(m) for name, m in other.named_modules()}
    assert found == {name: policy_of(m) for name, m in model.named_modules()}
    assert (found["1"], found["1.0"], found["2.0"]) == (EXACT, UNCHANGED, None)


def test_the_json_says_what_was_made(tmp_path: Path) -> None:
    pb.save(tied(), tmp_path / "net.safetensors", architecture={"name": "three", "sizes": (1, 2)})
    said = json.loads((tmp_path / "net.json").read_text())
    assert said["version"] == 1
    assert said["passband"] == pb.__version__
    assert said["architecture"] == {"name": "three", "sizes": [1, 2]}
    assert said["tied"] == {"2.weight": "0.weight", "3.weight": "1.weight", "3.bias": "1.bias"}
    assert said["layers"]["1"] == {
        "type": "Conv2d", "band": pb.Band(keep=0.4).to_dict(), "plan": "auto",
        "stride_mode": "sample",
    }  # fmt: skip
    tensors = safetensors.torch.load_file(tmp_path / "net.safetensors")
    assert sorted(tensors) == ["0.bias", "0.weight", "1.bias", "1.weight", "2.bias"]


def test_the_file_alone_is_enough(tmp_path: Path) -> None:
    model, other = disturbed(converted), plain()
    pb.save(model, tmp_path / "net.safetensors")
    (tmp_path / "net.json").unlink()
    pb.load_(other, str(tmp_path / "net.safetensors"))
    assert torch.equal(output(other), output(model))


def test_a_tied_model_takes_one_value_for_one_tensor(tmp_path: Path) -> None:
    def pair(*, tie: bool) -> nn.Sequential:
        model = nn.Sequential(nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3))
        if tie:
            model[1].weight = model[0].weight
        return model

    path, model, separate = tmp_path / "net.safetensors", pair(tie=True), pair(tie=False)
    pb.save(model, path)
    pb.load_(separate, path)  # each gets its copy
    assert torch.equal(output(separate), output(model))
    pb.save(separate, path)
    pb.load_(model, path)  # and the other way round, since both are the same
    with torch.no_grad():
        separate[1].get_parameter("weight").add_(1)
    pb.save(separate, path)
    with pytest.raises(ValueError, match=r"one tensor for '0.weight' and '1.weight', it has two"):
        pb.load_(model, path)
