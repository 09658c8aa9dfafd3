import pytest
import torch
from torch import nn

import passband as pb
from passband.lab.models import create_model
from passband.lab.models.spectral.densenet import SpecDenseLayer
from passband.nn import SpecBlock2d, SpecConv2d, ToSpace, ToSpectrum

Steps = list[tuple[str, object]]


def steps(model: nn.Module) -> Steps:
    """What a 32x32 image goes through, in order: lengths of spectra, convolutions, maps."""
    seen: Steps = []

    def note(module: nn.Module, args: object, out: object) -> None:
        if isinstance(module, ToSpectrum):
            assert isinstance(out, pb.Spectrum)
            seen.append(("FFT", out.lengths))
        elif isinstance(module, SpecConv2d):
            assert isinstance(out, pb.Spectrum)
            seen.append(("FConv", (*module.kernel_size, module.out_channels)))
            assert out.shape[1] == module.out_channels
        elif isinstance(out, torch.Tensor):
            seen.append((type(module).__name__, tuple(out.shape[1:])))

    for module in model.modules():
        if not [*module.children()]:
            module.register_forward_hook(note)
    with torch.no_grad():
        model(torch.randn(2, 3, 32, 32))
    return seen


@pytest.mark.parametrize(("layout", "first"), [("table1", 3), ("like", 1)])
@pytest.mark.parametrize(
    ("name", "pool"),
    [("spec_densenet", "AdaptiveAvgPool2d"), ("spec_densenet_bn", "AdaptiveMaxPool2d")],
)
def test_its_layout_is_that_of_table_1(name: str, pool: str, layout: str, first: int) -> None:
    model = create_model(name, num_classes=10, in_channels=3, layout=layout)
    assert steps(model) == [
        ("FFT", (35, 35)), ("FConv", (3, 3, 64)), ("ToSpace", (64, 32, 32)),
        ("MaxPool2d", (64, 16, 16)),
        ("FFT", (19, 19)), *(6 * [("FConv", (first, first, 64)), ("FConv", (3, 3, 64))]),
        ("ToSpace", (448, 16, 16)),
        (pool, (448, 1, 1)), ("Flatten", (448,)), ("Linear", (10,)),
    ]  # fmt: skip
    blocks = [m for m in model.modules() if isinstance(m, SpecBlock2d)]
    assert len(blocks) == 13
    assert all((block.norm is None) == (name == "spec_densenet") for block in blocks)


@pytest.mark.parametrize("growth", [64, 5])
def test_parameter_count(growth: int) -> None:
    g = growth
    for name, beside in (("spec_densenet", g), ("spec_densenet_bn", 2 * g)):  # biases; norms
        model = create_model(name, num_classes=10, in_channels=3, growth=growth, layout="table1")
        dense = sum(9 * (i + 1) * g * g + 9 * g * g + 2 * beside for i in range(6))
        expected = 27 * g + beside + dense + (7 * g + 1) * 10
        assert sum(p.numel() for p in model.parameters()) == expected


def test_each_layer_sees_all_before_it() -> None:
    model = create_model("spec_densenet", num_classes=2, in_channels=1, growth=4, beta=0.1)
    dense = model.get_submodule("stage2.dense")
    assert isinstance(dense, nn.Sequential)
    spectrum = ToSpectrum(3)(torch.randn(2, 4, 8, 8))
    channels = [spectrum.values]
    for layer in dense:
        y = spectrum.with_values(torch.cat(channels, 3))
        assert isinstance(layer, SpecDenseLayer)
        channels.append(layer.block2(layer.block1(y)).values)
    torch.testing.assert_close(dense(spectrum).values, torch.cat(channels, 3))


def test_it_stays_in_the_spectrum() -> None:
    model = create_model("spec_densenet", num_classes=2, in_channels=1)
    kinds = [type(m) for m in model.modules()]
    assert kinds.count(ToSpectrum) == kinds.count(ToSpace) == 2


@pytest.mark.parametrize("global_pool", ["avg", "max"])
def test_of_its_last_maps_the_mean_sees_means_alone(global_pool: str) -> None:
    torch.manual_seed(0)
    model = create_model(
        "spec_densenet", num_classes=3, in_channels=1, growth=6, beta=0.01, margin="none",
        global_pool=global_pool,
    )  # fmt: skip
    assert isinstance(model, nn.Sequential)
    maps = torch.randn(2, 6, 8, 8)
    means = maps.mean((2, 3), keepdim=True).expand_as(maps)
    with torch.no_grad():
        of_maps, of_means = (model[2:](x) for x in (maps, means))
    difference = (of_maps - of_means).abs().max() / of_maps.abs().max()
    assert difference < 1e-4 if global_pool == "avg" else difference > 0.05


def test_an_unknown_pooling_is_named() -> None:
    with pytest.raises(ValueError, match="global_pool is one of avg, max; got 'mean'"):
        create_model("spec_densenet", num_classes=2, in_channels=1, global_pool="mean")
