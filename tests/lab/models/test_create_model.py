from typing import Any, Literal

import pytest
import torch
from torch import nn

import passband as pb
from passband.lab.models import (
    available,
    create_model,
    dims,
    is_spectral,
    options,
    per_pixel,
    plain_form,
)

SPACE = {
    "lenet5": (28, 28), "fcn": (50,), "resnet18": (16, 16), "resnet18_icml": (16, 16),
    "resnet20": (16, 16), "resnet50": (16, 16), "resnet1d": (50,), "inceptiontime": (50,),
    "cnn3d": (8, 6, 5), "vgg16": (16, 16), "densenet": (16, 16), "densenet_icml": (16, 16),
    "mobilenet": (16, 16), "unet": (16, 16),
    "alexnet": (16, 16), "densenet_table1": (16, 16),
    "spec_lenet5": (28, 28), "spec_alexnet": (16, 16), "spec_vgg16": (16, 16),
    "spec_densenet": (16, 16), "spec_lenet5_bn": (28, 28), "spec_alexnet_bn": (16, 16),
    "spec_vgg16_bn": (16, 16), "spec_densenet_bn": (16, 16),
}  # fmt: skip
PLAIN = [name for name in SPACE if not name.startswith("spec_")]


def test_every_model_is_in_the_table_above() -> None:
    assert set(available()) == set(SPACE)


@pytest.mark.parametrize("name", available())
def test_the_axes_of_its_maps(name: str) -> None:
    assert dims(name) == len(SPACE[name])


@pytest.mark.parametrize("name", available())
def test_a_logit_for_each_class_and_a_gradient_for_each_parameter(name: str) -> None:
    model = create_model(name, num_classes=3, in_channels=2)
    logits = model(torch.randn(2, 2, *SPACE[name]))
    assert logits.shape == (2, 3, *(SPACE[name] if per_pixel(name) else ()))
    logits.square().sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


def test_what_a_spectral_network_is_compared_with() -> None:
    assert [name for name in available() if not is_spectral(name)] == PLAIN
    for name in PLAIN:
        assert plain_form(name) == name
    assert {name: plain_form(name) for name in available() if is_spectral(name)} == {
        "spec_lenet5": "lenet5", "spec_lenet5_bn": "lenet5",
        "spec_alexnet": "alexnet", "spec_alexnet_bn": "alexnet",
        "spec_vgg16": "vgg16", "spec_vgg16_bn": "vgg16",
        "spec_densenet": "densenet_table1", "spec_densenet_bn": "densenet_table1",
    }  # fmt: skip
    with pytest.raises(ValueError, match="unknown model 'spec_lenet'"):
        plain_form("spec_lenet")


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("plan", ["auto", "dft"])
def test_converted_with_all_frequencies_it_computes_the_same(
    name: str, plan: Literal["auto", "dft"]
) -> None:
    model = create_model(name, num_classes=3, in_channels=2).double()
    x = torch.randn(2, 2, *SPACE[name], dtype=torch.float64)
    with torch.no_grad():
        torch.manual_seed(1)  # of dropout
        expected = model(x)
        pb.convert_(model, pb.Band(keep=1), plan=plan)
        torch.manual_seed(1)
        torch.testing.assert_close(model(x), expected)
    for key, module in model.named_modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d):
            banded = type(module).__name__.startswith("Band")
            assert banded == any(size > 1 for size in module.kernel_size), key


@pytest.mark.parametrize("name", available())
def test_weights_follow_the_seed(name: str) -> None:
    first, second, third = (
        (torch.manual_seed(seed), create_model(name, num_classes=2, in_channels=1))[1].state_dict()
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], third[key]) for key in first)


def test_options_and_defaults() -> None:
    assert options("lenet5") == {"image_size": 28, "width": 1, "padding_mode": "zeros"}
    assert options("fcn") == {"widths": (128, 256, 128), "width": 1}
    residual = {"activation": "relu", "width": 1, "padding_mode": "zeros"}
    assert options("resnet18_icml") == residual
    for name in ("resnet18", "resnet20", "resnet50"):
        assert options(name) == residual | {"stem": "usual"}
    assert options("vgg16") == {"width": 1}
    for name in ("mobilenet", "resnet1d", "inceptiontime", "cnn3d"):
        assert options(name) == {}
    assert options("densenet") == {"growth": 12, "depth": 100}
    assert options("densenet_icml") == {"growth": 12}
    assert options("unet") == {"width": 32, "depth": 4}
    assert options("alexnet") == {}
    assert options("densenet_table1") == {"growth": 64}
    spectral = {"beta": 0.5, "activation": "tanh", "margin": "paper", "store": "exact"}
    with_norm = spectral | {"activation": "identity"}
    assert options("spec_vgg16") == options("spec_alexnet") == spectral
    assert options("spec_vgg16_bn") == options("spec_alexnet_bn") == with_norm
    assert options("spec_lenet5") == {"image_size": 28} | spectral
    dense = {"growth": 64, "layout": "table1", "global_pool": "avg"}
    assert options("spec_densenet") == dense | spectral
    assert options("spec_densenet_bn") == dense | {"global_pool": "max"} | with_norm


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("lenet", {}, ValueError, "unknown model 'lenet': there is .* did you mean 'lenet5'?"),
        ("ResNet18", {}, ValueError, "unknown model 'ResNet18': .* did you mean 'resnet18'?"),
        ("zebra", {}, ValueError, "unknown model 'zebra': there is lenet5, fcn, resnet18, "),
        (None, {}, TypeError, "is a str; got None"),
        ("lenet5", {"widths": 3}, TypeError, "no option 'widths'; it takes image_size"),
        ("vgg16", {"depth": 3}, TypeError, "no option 'depth'; it takes width"),
        ("mobilenet", {"depth": 3}, TypeError, "no option 'depth'; it takes no options"),
        ("resnet18_icml", {"stem": "usual"}, TypeError, "no option 'stem'; it takes activation, "),
        ("resnet50", {"stem": 7}, ValueError, "stem is one of usual, strided, blurpool, .* got 7"),
        ("resnet20", {"padding_mode": "reflect"}, ValueError, "is one of zeros, circular; .*refl"),
        ("resnet20", {"width": 0}, ValueError, "width is finite and above 0; got 0"),
        ("resnet50", {"num_classes": 0}, ValueError, "num_classes is at least 1; got 0"),
        ("vgg16", {"width": float("nan")}, ValueError, "width is finite and above 0; got nan"),
        ("fcn", {"width": "1"}, TypeError, "width is a number; got '1'"),
        ("lenet5", {"width": -0.5}, ValueError, "width is finite and above 0; got -0.5"),
        ("lenet5", {"padding_mode": None}, ValueError, "padding_mode is one of .* got None"),
        (
            "lenet5",
            {"padding_mode": "circular", "image_size": (28, 10)},
            ValueError,
            r"image_size is at least 11; got \(28, 10\)",
        ),
        ("densenet_icml", {"growth": -1}, ValueError, "growth is at least 1; got -1"),
        ("resnet1d", {"in_channels": 0}, ValueError, "in_channels is at least 1; got 0"),
        ("inceptiontime", {"num_classes": 0}, ValueError, "num_classes is at least 1; got 0"),
        ("cnn3d", {"in_channels": 1.0}, TypeError, "in_channels is a whole number; got 1.0"),
        ("resnet18", {"depth": 3}, TypeError, "no option 'depth'; it takes activation"),
        (
            "resnet18",
            {"activation": "gelu"},
            ValueError,
            "activation is one of relu, silu; .*'gelu'",
        ),
        ("resnet18_icml", {"activation": None}, ValueError, "activation is one of .* got None"),
        ("vgg16", {"num_classes": 0}, ValueError, "num_classes is at least 1; got 0"),
        ("vgg16", {"in_channels": 1.0}, TypeError, "in_channels is a whole number; got 1.0"),
        ("mobilenet", {"num_classes": -1}, ValueError, "num_classes is at least 1; got -1"),
        ("mobilenet", {"in_channels": "3"}, TypeError, "in_channels is a whole number; got '3'"),
        ("densenet", {"num_classes": 0}, ValueError, "num_classes is at least 1; got 0"),
        ("densenet", {"in_channels": 0}, ValueError, "in_channels is at least 1; got 0"),
        ("densenet", {"growth": 0}, ValueError, "growth is at least 1; got 0"),
        ("densenet", {"depth": 4}, ValueError, "depth is at least 10; got 4"),
        ("densenet", {"depth": 99}, ValueError, "depth is 4 more than a multiple of 6; got 99"),
        ("densenet", {"depth": 40.0}, TypeError, "depth is a whole number; got 40.0"),
        ("densenet", {"width": 3}, TypeError, "no option 'width'; it takes growth, depth"),
        ("unet", {"num_classes": 0}, ValueError, "num_classes is at least 1; got 0"),
        ("unet", {"in_channels": None}, TypeError, "in_channels is a whole number; got None"),
        ("unet", {"width": 0}, ValueError, "width is at least 1; got 0"),
        ("unet", {"depth": 0}, ValueError, "depth is at least 1; got 0"),
        ("unet", {"depth": "4"}, TypeError, "depth is a whole number; got '4'"),
        ("lenet5", {"num_classes": 0}, ValueError, "num_classes is at least 1; got 0"),
        ("fcn", {"num_classes": -3}, ValueError, "num_classes is at least 1; got -3"),
        ("resnet18", {"num_classes": "10"}, TypeError, "num_classes is a whole number; got '10'"),
        ("resnet18_icml", {"num_classes": 2.0}, TypeError, "num_classes .* got 2.0"),
        ("lenet5", {"in_channels": 0}, ValueError, "in_channels is at least 1; got 0"),
        ("fcn", {"in_channels": True}, TypeError, "in_channels is a whole number; got True"),
        ("lenet5", {"image_size": 0}, ValueError, r"image_size\[0\] is at least 1; got 0"),
        ("lenet5", {"image_size": 28.0}, TypeError, "image_size is 2 whole numbers; got 28.0"),
        ("lenet5", {"image_size": (24,)}, ValueError, r"image_size is 2 .* got 1: \(24,\)"),
        ("lenet5", {"image_size": (28, -1)}, ValueError, r"image_size\[1\] is .* got -1"),
        ("lenet5", {"image_size": "28"}, TypeError, "image_size is 2 whole numbers; got '28'"),
        ("alexnet", {"num_classes": 0}, ValueError, "num_classes is at least 1; got 0"),
        ("densenet_table1", {"growth": 0}, ValueError, "growth is at least 1; got 0"),
        ("spec_lenet5", {"image_size": 0}, ValueError, r"image_size\[0\] is at least 1; got 0"),
        ("spec_alexnet", {"in_channels": 0}, ValueError, "in_channels is at least 1; got 0"),
        ("spec_vgg16", {"num_classes": "3"}, TypeError, "num_classes is a whole number; got '3'"),
        ("spec_vgg16", {"norm": True}, TypeError, "no option 'norm'; it takes beta, activation, "),
        ("spec_vgg16", {"margin": 3}, ValueError, "margin is one of paper, none, exact; got 3"),
        ("spec_vgg16_bn", {"beta": -1.0}, ValueError, "beta is not negative; got -1.0"),
        ("spec_vgg16_bn", {"beta": None}, TypeError, "beta is a number; got None"),
        ("spec_vgg16_bn", {"store": "int4"}, ValueError, "store is one of .* got 'int4'"),
        ("spec_vgg16", {"activation": "gelu"}, ValueError, "unknown activation .*'gelu'"),
        ("spec_densenet", {"layout": "bc"}, ValueError, "layout is one of table1, like; got 'bc'"),
        ("spec_densenet", {"growth": 1.5}, TypeError, "growth is a whole number; got 1.5"),
        ("fcn", {"widths": (8, 8)}, ValueError, r"widths is 3 whole numbers; got 2: \(8, 8\)"),
        ("fcn", {"widths": 8}, TypeError, "widths is 3 whole numbers; got 8"),
        ("fcn", {"widths": (8, 0, 8)}, ValueError, r"widths\[1\] is at least 1; got 0"),
        ("fcn", {"widths": (8, 8, "8")}, TypeError, r"widths\[2\] is a whole number; got '8'"),
    ],
)
def test_bad_arguments(
    name: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        create_model(name, **({"num_classes": 10, "in_channels": 1} | arguments))
