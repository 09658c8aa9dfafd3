"""Models of the laboratory through files: built again from what the file says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from test_create_model import SPACE
from torch import nn

import passband as pb
from passband.lab.models import Architecture, available, create_model, load_model, options
from passband.lab.training import Result


def small(name: str) -> Architecture:
    known = options(name)
    told: dict[str, Any] = {}
    if "width" in known:
        told["width"] = 4 if name == "unet" else 0.25
    if "image_size" in known:
        told["image_size"] = SPACE[name]
    return Architecture(name, 3, (2, *SPACE[name]), told)


@pytest.mark.parametrize("name", available())
def test_each_model_is_what_was_saved(name: str, tmp_path: Path) -> None:
    built = small(name)
    model = built.build()
    if not name.startswith("spec_"):
        pb.convert_(model, pb.Band(keep=0.4))
    else:
        pb.set_beta_(model, 0.25)
    pb.save(model, tmp_path / "net.safetensors", architecture=built.to_dict())
    again = load_model(tmp_path / "net.safetensors")
    x = torch.randn(2, *built.input_shape)
    with torch.no_grad():
        assert torch.equal(again(x), model.eval()(x))
    assert str(pb.report(again)) == str(pb.report(model))


def test_a_run_leaves_its_last_model(finished_run: Result) -> None:
    out = Path(finished_run.config.out)
    model = load_model(out / "model.safetensors")
    trained = torch.load(out / "last.ckpt", weights_only=True)["model"]
    state = model.state_dict()
    assert list(state) == list(trained)
    assert all(torch.equal(t, trained[name]) for name, t in state.items())
    assert {str(row.band) for row in pb.report(model).converted} == {"keep=0.5"}
    assert not model.training


ROW = Architecture("lenet5", 10, (1, 28, 28)).to_dict()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, r"says no architecture: load it with passband\.load_"),
        ({"name": "lenet5"}, "it is not an architecture of the laboratory's"),
        ({**ROW, "name": 3}, "name of the model is a non-empty text"),
        ({**ROW, "num_classes": 0}, "num_classes is at least 1; got 0"),
        ({**ROW, "input_shape": 28}, "an input shape is a list"),
        ({**ROW, "input_shape": [1, True]}, "a size of input_shape is a whole number"),
        ({**ROW, "options": []}, "options are named"),
        ({**ROW, "name": "lenet6"}, "unknown model 'lenet6'"),
        ({**ROW, "options": {"depth": 3}}, "lenet5 has no option 'depth'"),
        ({**ROW, "num_classes": 3}, r"tensor 'fc3.weight' has shape \(10, 84\) in it"),
        ({**ROW, "name": "planted_model:net"}, r"names code to run \(planted_model:net\)"),
        ({**ROW, "name": "timm:resnet18"}, r"names code to run \(timm:resnet18\)"),
    ],
)
def test_what_cannot_be_built(said: dict[str, Any] | None, told: str, tmp_path: Path) -> None:
    model = create_model("lenet5", num_classes=10, in_channels=1)
    pb.save(model, tmp_path / "net.safetensors", architecture=said)
    with pytest.raises(ValueError, match=told):
        load_model(tmp_path / "net.safetensors")


def test_a_model_of_the_users_is_imported_if_he_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_saved_model.py").write_text(
        "from torch import nn\n"
        "def net(num_classes, in_channels, wide=3):\n"
        "    return nn.Sequential(nn.Conv1d(in_channels, wide, 3), nn.AdaptiveAvgPool1d(1),\n"
        "                         nn.Flatten(), nn.Linear(wide, num_classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_saved_model", raising=False)
    built = Architecture("my_saved_model:net", 4, (2, 9), {"wide": 5})
    pb.save(built.build(), "net.safetensors", architecture=built.to_dict())
    with pytest.raises(ValueError, match="read that code"):
        load_model("net.safetensors")
    model = load_model("net.safetensors", allow_imports=True)
    assert isinstance(model, nn.Sequential)
    assert model(torch.randn(1, 2, 9)).shape == (1, 4)
