"""convert_ and revert_: what must stay stays, to the bit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

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
        nn.Conv2d(4, 2, 1),
    )


def example() -> Tensor:
    return torch.randn(2, 3, 12, 10, generator=torch.Generator().manual_seed(1))


CONVOLUTIONS: list[tuple[nn.Module, tuple[int, ...]]] = [
    (nn.Conv1d(2, 4, 5, padding="same", dilation=2), (2, 2, 30)),
    (nn.Conv1d(2, 4, 3, stride=2, padding=1, padding_mode="reflect"), (2, 2, 30)),
    (nn.Conv2d(4, 4, 3, groups=4, padding=1, padding_mode="circular"), (2, 4, 9, 8)),
    (nn.Conv2d(4, 6, (1, 5), padding=(0, 2), bias=False), (2, 4, 9, 8)),
    (nn.Conv3d(2, 3, 3, padding=1, padding_mode="replicate"), (1, 2, 6, 5, 6)),
    (nn.ConvTranspose1d(4, 2, 4, stride=2, groups=2), (2, 4, 15)),
    (nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1), (2, 3, 6, 7)),
    (nn.ConvTranspose3d(2, 3, 2, stride=2, bias=False), (1, 2, 3, 4, 3)),
]


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS, ids=[str(m) for m, _ in CONVOLUTIONS])
def test_every_convolution_there_and_back(layer: nn.Module, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x, plain = torch.randn(shape), type(layer)
    before, text, attributes = layer(x), repr(layer), dict(vars(layer))
    parameters = list(layer.parameters())

    (row,) = pb.convert_(layer, HALF).rows  # the model is itself the convolution
    assert type(layer) is getattr(pb.nn, f"Band{plain.__name__}")
    assert isinstance(layer, plain)
    assert (row.name, row.before, row.after) == ("", plain.__name__, f"Band{plain.__name__}")
    fresh = copy.deepcopy(layer)
    assert not torch.equal(layer(x), before), "half the band is not the whole"
    assert torch.equal(layer(x), fresh(x))
    pb.set_band_(layer, pb.Band(keep=1))
    torch.testing.assert_close(layer(x), before)

    assert pb.revert_(layer) == [""]
    assert type(layer) is plain
    assert torch.equal(layer(x), before)
    assert repr(layer) == text
    assert vars(layer).keys() == attributes.keys()
    assert all(a is b for a, b in zip(layer.parameters(), parameters, strict=True))


def test_a_converted_layer_computes_what_the_functional_form_does() -> None:
    model, x = small(), example()
    pb.convert_(model, HALF, plan="dft", stride_mode="spectral")
    first, inner, up = model[0], model.get_submodule("3.0"), model[4]
    assert isinstance(first, nn.Conv2d)
    assert isinstance(inner, nn.Conv2d)
    assert isinstance(up, nn.ConvTranspose2d)
    expected = pb.functional.band_conv2d(x, first.weight, padding=1, band=HALF, plan="dft")
    assert torch.equal(first(x), expected)
    y = torch.randn(2, 4, 9, 9)
    expected = pb.functional.band_conv2d(
        y, inner.weight, inner.bias, 2, 2, 1, 2, band=HALF, plan="dft", stride_mode="spectral"
    )
    assert torch.equal(inner(y), expected)
    z = torch.randn(2, 6, 5, 4)
    expected = pb.functional.band_conv_transpose2d(
        z, up.weight, up.bias, 2, 1, band=HALF, plan="dft"
    )
    assert torch.equal(up(z), expected)


def test_transposed_layers_have_no_stride_mode() -> None:
    model = small()
    pb.convert_(model, HALF, stride_mode="spectral")
    assert isinstance(model[4], pb.nn.BandConvTranspose2d)
    assert model[4].stride_mode == "sample"
    assert "stride_mode" not in repr(model[4])


def test_outputs_state_and_classes_come_back_to_the_bit() -> None:
    model, x = small(), example()
    reference = copy.deepcopy(model)
    text = repr(model)
    pb.convert_(model, HALF)
    assert not torch.equal(model.eval()(x), reference.eval()(x))
    assert pb.revert_(model) == ["0", "3.0", "4"]
    assert pb.revert_(model) == [], "nothing is left to turn back"
    assert torch.equal(model(x), reference(x))
    assert torch.equal(model.train()(x), reference.train()(x))
    assert repr(model) == text
    assert [type(m) for m in model.modules()] == [type(m) for m in reference.modules()]
    for (name, a), (other, b) in zip(
        model.state_dict().items(), reference.state_dict().items(), strict=True
    ):
        assert name == other
        assert torch.equal(a, b)


def test_state_dicts_fit_strictly_both_ways() -> None:
    plain, converted = small(), small()
    pb.convert_(converted, HALF)
    ours, theirs = converted.state_dict(), plain.state_dict()
    assert list(ours) == list(theirs), "names and their order"
    with torch.no_grad():
        for p in plain.parameters():
            p.normal_()
    converted.load_state_dict(plain.state_dict(), strict=True)
    for a, b in zip(converted.parameters(), plain.parameters(), strict=True):
        assert torch.equal(a, b)
    with torch.no_grad():
        for p in converted.parameters():
            p.normal_()
    plain.load_state_dict(converted.state_dict(), strict=True)
    plain.load_state_dict(converted.state_dict(), strict=True, assign=True)
    pb.revert_(converted)
    assert torch.equal(converted.eval()(example()), plain.eval()(example()))


def test_parameters_keep_their_identity_order_and_grad() -> None:
    model = small()
    model(example()).sum().backward()
    before = dict(model.named_parameters())
    grads = {name: p.grad for name, p in before.items()}
    for change in (lambda: pb.convert_(model, HALF), lambda: pb.revert_(model)):
        change()
        after = dict(model.named_parameters())
        assert list(after) == list(before)
        assert all(after[name] is p for name, p in before.items())
        assert all(after[name].grad is grads[name] for name in after)


def test_train_and_eval_mode_stay() -> None:
    model = small().eval()
    model[1].train()
    before = [m.training for m in model.modules()]
    pb.convert_(model, HALF, example=example())
    assert [m.training for m in model.modules()] == before
    pb.revert_(model)
    assert [m.training for m in model.modules()] == before


class OwnConv(nn.Conv2d):
    """Of unknown behaviour."""


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.own = OwnConv(4, 4, 3)
        self.lazy = nn.LazyConv2d(4, 3)
        self.point = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 2)


def reasons(report: pb.ConvertReport) -> dict[str, str]:
    return {row.name: row.reason for row in report.rows}


def test_what_is_left_alone_and_why() -> None:
    model = Model()
    own, lazy = f"{__name__}.OwnConv", "torch.nn.modules.conv.LazyConv2d"
    expected = {
        "stem": "",
        "own": f"{own} is a subclass",
        "lazy": f"{lazy} is lazy, its shape not known yet",
        "point": "kernel size 1 (pointwise=True converts it)",
    }
    assert reasons(pb.convert_(model, HALF)) == expected
    assert type(model.own) is OwnConv
    assert type(model.lazy) is nn.LazyConv2d
    assert type(model.point) is nn.Conv2d
    assert type(model.stem) is pb.nn.BandConv2d
    pb.revert_(model)
    report = pb.convert_(model, HALF, pointwise=True)
    assert reasons(report) == expected | {"point": ""}
    assert [row.name for row in report.converted] == ["stem", "point"]
    assert [row.name for row in report.skipped] == ["own", "lazy"]


def test_where_is_asked_for_convolutions_that_could_be_converted() -> None:
    model, asked = Model(), []

    def where(name: str, module: nn.Module) -> bool:
        asked.append((name, type(module)))
        return name != "stem"

    report = pb.convert_(model, HALF, where=where, pointwise=True)
    assert reasons(report)["stem"] == "where() said no"
    assert asked == [("stem", nn.Conv2d), ("point", nn.Conv2d)]
    assert [row.name for row in report.converted] == ["point"]


def test_a_model_without_convolutions() -> None:
    model = nn.Sequential(nn.Linear(3, 3))
    report = pb.convert_(model, HALF)
    assert report.rows == ()
    assert report.keep_measured == 1
    assert pb.revert_(model) == []


def test_a_second_conversion_with_the_same_setting_changes_nothing() -> None:
    model, x = small(), example()
    pb.convert_(model, HALF, plan="fft", stride_mode="spectral")
    before, text = model.eval()(x), repr(model)
    report = pb.convert_(model, HALF, plan="fft", stride_mode="spectral")
    assert [(row.before, row.after) for row in report.converted] == [
        ("BandConv2d", "BandConv2d"),
        ("BandConv2d", "BandConv2d"),
        ("BandConvTranspose2d", "BandConvTranspose2d"),
    ]
    assert repr(model) == text
    assert torch.equal(model(x), before)
    assert pb.revert_(model) == ["0", "3.0", "4"]


@pytest.mark.parametrize(
    ("band", "options", "shown"),
    [
        (pb.Band(keep=0.25), {}, "Band(keep=0.25)"),
        (HALF, {"plan": "dft"}, "'dft'"),
        (HALF, {"stride_mode": "spectral"}, "'spectral'"),
        (pb.Band(keep=0.5, fft_size="fast"), {}, "fft_size='fast'"),
    ],
)
def test_a_second_conversion_with_another_setting_is_refused(
    band: pb.Band, options: dict[str, Any], shown: str
) -> None:
    model = small()
    pb.convert_(model, HALF, where=lambda name, _: name == "3.0")
    text = repr(model)
    with pytest.raises(ValueError, match=r"3\.0") as error:
        pb.convert_(model, band, **options)
    assert "Band(keep=0.5)" in str(error.value)
    assert shown in str(error.value)
    assert repr(model) == text, "nothing is converted by halves"
    assert type(model[0]) is nn.Conv2d


def test_more_layers_may_be_converted_later() -> None:
    model = small()
    pb.convert_(model, HALF, where=lambda name, _: name == "0")
    report = pb.convert_(model, HALF)
    assert [row.before for row in report.converted] == ["BandConv2d", "Conv2d", "ConvTranspose2d"]


def test_layers_built_band_limited_revert_too() -> None:
    torch.manual_seed(0)
    layer, x = pb.nn.BandConv2d(3, 4, 3, keep=0.25), torch.randn(1, 3, 8, 8)
    assert pb.revert_(layer) == [""]
    assert type(layer) is nn.Conv2d
    assert torch.equal(layer(x), torch.nn.functional.conv2d(x, layer.weight, layer.bias))
