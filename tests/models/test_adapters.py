"""Adapters as PEFT adds them to the convolutions of a model."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from architecture import imported
from torch import Tensor, nn

import passband as pb

HALF = pb.Band(keep=0.5)


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3, stride=2))


def adapted(model: nn.Module, **options: Any) -> Any:
    """The model with low-rank adapters that do something; skips where PEFT does not import."""
    try:
        peft = imported("peft")
    except ImportError as error:
        pytest.skip(str(error))
    config = peft.LoraConfig(r=2, target_modules=["0", "2"], init_lora_weights=False, **options)
    return peft.get_peft_model(model, config)


def example() -> Tensor:
    return torch.randn(2, 3, 12, 10, generator=torch.Generator().manual_seed(1))


def test_adapters_train_in_the_same_band_and_merge() -> None:
    model, x = adapted(small()), example()
    before = model(x)
    report = pb.convert_(model, HALF, example=x)
    assert [row.name.removeprefix("base_model.model.") for row in report.converted] == [
        "0.base_layer", "0.lora_A.default", "2.base_layer", "2.lora_A.default",
    ]  # fmt: skip
    y = model(x)
    y.square().sum().backward()
    trained = {name for name, p in model.named_parameters() if p.grad is not None}
    assert trained == {name for name, _ in model.named_parameters() if "lora_" in name}
    merged = copy.deepcopy(model).merge_and_unload()
    assert type(merged[0]) is pb.nn.BandConv2d
    torch.testing.assert_close(merged(x), y, msg="one layer with the sum of both weights")
    assert pb.revert_(merged) == ["0", "2"]
    assert len(pb.revert_(model)) == 4
    assert torch.equal(model(x), before)


def test_an_adapter_can_be_off() -> None:
    model, x = adapted(small()), example()
    pb.convert_(model, HALF)
    alone = small()
    pb.convert_(alone, HALF)
    with model.disable_adapter():
        assert torch.equal(model(x), alone(x))


def test_adapters_come_before_conversion() -> None:
    """PEFT makes layers of the class that it finds, which then have no band."""
    model = small()
    pb.convert_(model, HALF)
    with pytest.raises(ValueError, match="give either band"):
        adapted(model)
    pb.revert_(model)
    pb.convert_(adapted(model), HALF)
    assert torch.isfinite(model(example())).all()
