"""Models of the user's, by import path, and those of libraries that are no dependency."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from passband.lab import models
from passband.lab.models import create_model, dims, is_spectral, options, per_pixel, plain_form

OURS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, in_channels, num_classes, *, width=4):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 3)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))

def fixed():
    return nn.Linear(2, 3)

def any_keyword(**sizes):
    return nn.Linear(5, sizes.pop("num_classes"), **sizes)

def needs(depth):
    return nn.Identity()

def number(num_classes):
    return num_classes

constant = 3
"""


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mynet_by_path.py").write_text(OURS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mynet_by_path", raising=False)


def test_what_is_known_of_it() -> None:
    name = "mynet_by_path:Net"
    assert dims(name) is None
    assert not per_pixel(name)
    assert not is_spectral(name)
    assert plain_form(name) == name
    assert options(name) == {"width": 4}
    assert name not in models.available()


def test_a_class_is_called_with_the_sizes_that_it_names() -> None:
    model = create_model("mynet_by_path:Net", num_classes=7, in_channels=2, width=5)
    assert model(torch.zeros(3, 2, 8, 8)).shape == (3, 7)
    assert sum(p.numel() for p in model.parameters()) == 9 * 2 * 5 + 5 + 6 * 7


def test_a_function_that_names_none_or_takes_any() -> None:
    model: Any = create_model("mynet_by_path:fixed", num_classes=7, in_channels=1)
    assert (model.in_features, model.out_features) == (2, 3)
    model = create_model("mynet_by_path:any_keyword", num_classes=7, in_channels=1)
    assert (model.in_features, model.out_features) == (5, 7)
    assert options("mynet_by_path:any_keyword") == {}


@pytest.mark.parametrize(
    ("name", "given", "error", "message"),
    [
        ("Net", {"depth": 3}, TypeError, "mynet_by_path:Net has no option 'depth'; it takes width"),
        ("net", {}, ValueError, "module 'mynet_by_path' has no 'net'; did you mean 'Net'?"),
        ("needs", {}, ValueError, "called with no arguments: missing a required .*'depth'"),
        ("number", {}, TypeError, "'mynet_by_path:number' returns an nn.Module; got int"),
        ("constant", {}, ValueError, "'mynet_by_path:constant' names a function .* got a int"),
    ],
)
def test_errors(name: str, given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        create_model(f"mynet_by_path:{name}", num_classes=2, in_channels=1, **given)


def test_an_unknown_name_tells_of_paths() -> None:
    with pytest.raises(ValueError, match=r"'mynet'.* and yours as package.module:function"):
        dims("mynet")


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("torchvision:resnet18", "torchvision"),
        ("torchvision.models:resnet18", "torchvision"),
        ("timm:resnet18", "timm"),
    ],
)
def test_a_library_that_is_not_installed(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # so that no import finds it
    monkeypatch.delitem(sys.modules, f"{package}.models", raising=False)
    with pytest.raises(ImportError, match=f"there is no module {package}.*pip install {package}"):
        create_model(name, num_classes=2, in_channels=3)


def torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with the signature of torchvision's functions."""
    library, inner = ModuleType("torchvision"), ModuleType("torchvision.models")

    def resnet18(*, weights: object = None, progress: bool = True, **more: Any) -> nn.Module:
        assert set(more) == {"num_classes"}
        return nn.Linear(2, more["num_classes"])

    inner.resnet18 = resnet18  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", library)
    monkeypatch.setitem(sys.modules, "torchvision.models", inner)


@pytest.mark.parametrize("name", ["torchvision:resnet18", "torchvision.models:resnet18"])
def test_functions_of_torchvision_take_classes_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torchvision(monkeypatch)
    model: Any = create_model(name, num_classes=7, in_channels=3, progress=False)
    assert model.out_features == 7
    assert options(name) == {"weights": None, "progress": True}


def test_torchvision_takes_colour() -> None:
    with pytest.raises(
        ValueError, match="'torchvision:resnet18' takes images of 3 channels; got 1"
    ):
        create_model("torchvision:resnet18", num_classes=2, in_channels=1)


def test_timm_is_told_classes_and_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    library, seen = ModuleType("timm"), dict[str, object]()

    def create(name: str, **sizes: object) -> nn.Module:
        seen.update(sizes, name=name)
        return nn.Identity()

    library.create_model = create  # type: ignore[attr-defined]
    library.is_model = {"resnet26"}.__contains__  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", library)
    create_model("timm:resnet26", num_classes=4, in_channels=1)
    assert seen == {"name": "resnet26", "num_classes": 4, "in_chans": 1}
    assert options("timm:resnet26") == {}
    with pytest.raises(ValueError, match="timm has no model 'resnet27'"):
        create_model("timm:resnet27", num_classes=4, in_channels=1)


def test_the_real_torchvision_where_it_imports() -> None:
    try:
        importlib.import_module("torchvision.models")
    except (ImportError, RuntimeError):  # the latter where it was built for another torch
        pytest.skip("torchvision does not import")
    model = create_model("torchvision:resnet18", num_classes=10, in_channels=3)
    assert sum(p.numel() for p in model.parameters()) == 11_181_642


def test_the_real_timm_where_it_imports() -> None:
    try:
        importlib.import_module("timm")
    except (ImportError, RuntimeError):
        pytest.skip("timm does not import")
    model = create_model("timm:resnet18", num_classes=10, in_channels=1)
    assert model(torch.zeros(1, 1, 64, 64)).shape == (1, 10)
