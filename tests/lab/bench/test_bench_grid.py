from itertools import combinations

import pytest
import torch
from torch.nn.modules.conv import _ConvNd

from passband.lab.bench.case import Case
from passband.lab.bench.config import GROUPS, BenchConfig, grid
from passband.lab.bench.networks import networks
from passband.lab.bench.targets import TARGETS, goal_and_must
from passband.lab.models import create_model


def cases(group: str) -> dict[str, Case]:
    return {case.name: case for case in GROUPS[group]()}


def layer(case: Case) -> _ConvNd:
    module = case.make()
    assert isinstance(module, _ConvNd)
    return module


def test_the_resnet_layers_are_those_of_the_network() -> None:
    model, seen = create_model("resnet18", num_classes=10, in_channels=3), set()

    def note(module: torch.nn.Module, args: tuple[torch.Tensor], y: torch.Tensor) -> None:
        assert isinstance(module, _ConvNd)
        if module.kernel_size == (3, 3):
            seen.add((tuple(args[0].shape[1:]), module.out_channels, module.stride, module.padding))

    for module in model.modules():
        if isinstance(module, _ConvNd):
            module.register_forward_hook(note)
    model(torch.zeros(2, 3, 32, 32))
    ours = [(case.shape[1:], layer(case)) for case in GROUPS["resnet18"]()]
    assert {(shape, conv.out_channels, conv.stride, conv.padding) for shape, conv in ours} == seen
    assert len(ours) == len(seen) == 8


def test_names_are_unique_within_a_command() -> None:
    names = [case.name for make in GROUPS.values() for case in make()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("group", GROUPS)
def test_a_layer_takes_its_input_and_says_what_it_is(group: str) -> None:
    for case in GROUPS[group]():
        conv = layer(case)
        assert (conv.in_channels, conv.kernel_size[0]) == (case.shape[1], case.kernel)
        y = conv.to("meta")(torch.empty(case.shape, device="meta"))
        assert y.shape[:2] == (case.shape[0], conv.out_channels)
        assert case.group == group
        assert all(0 < keep <= 1 for keep in case.keeps)


@pytest.mark.parametrize("group", [name for name in GROUPS if name != "resnet50"])
def test_a_plain_step_is_a_matter_of_a_second(group: str) -> None:
    for case in GROUPS[group]():
        conv = layer(case).to("meta")
        outputs = conv(torch.empty(case.shape, device="meta")).numel()
        assert outputs * conv.weight[0].numel() < 21e9, case.name


def test_series_reach_from_short_to_long() -> None:
    names = cases("series")
    assert {case.kernel for case in names.values()} >= {3, 5, 8, 64, 256, 1024}
    assert {"1ch k1024 16384 samples", "16ch k1024 16384 samples", "64ch k256 16384 samples"} <= {
        *names
    }
    assert "64ch k1024 16384 samples" not in names  # minutes


def test_growth_changes_one_thing_at_a_time() -> None:
    base = (16, 64, 16, 16)
    for case in GROUPS["growth"]():
        changed = [a != b for a, b in zip(case.shape[:3], base[:3], strict=True)]
        assert sum(changed) <= 1
        assert case.shape[2] == case.shape[3]
    sizes = [case.shape[2] for name, case in cases("growth").items() if name.startswith("size")]
    assert all(a < b for a, b in combinations(sizes, 2))
    assert (sizes[0], sizes[-1]) == (8, 64)


def test_large_layers_are_for_a_gpu_or_who_asks() -> None:
    assert {case.group for case in grid(BenchConfig(command="conv", out="out"))} == {*GROUPS} - {
        "resnet50"
    }
    asked = grid(BenchConfig(command="conv", out="out", groups=("resnet50",)))
    assert asked[0].shape == (128, 64, 56, 56)


def test_networks_by_command_and_batch() -> None:
    assert [case.shape for case in networks("step", "resnet18")] == [(32, 3, 32, 32)]
    assert [case.shape[0] for case in networks("inference", "resnet18")] == [1, 32]
    assert [case.shape for case in networks("step", "fcn", (4, 8))] == [(4, 1, 150), (8, 1, 150)]
    assert [case.shape for case in networks("step", "unet")] == [(32, 3, 32, 32)]
    for model in ("lenet5", "fcn"):
        (case,) = networks("step", model, (2,))
        assert case.make()(torch.zeros(case.shape)).shape == (2, 10)


def test_goals_and_musts() -> None:
    (step,) = networks("step", "resnet18")
    assert goal_and_must("step", step, 0.5, "float32", "cpu") == (2.5, 1.5)
    assert goal_and_must("step", step, 0.1, "bfloat16", "cuda") == (3.0, 1.8)
    assert goal_and_must("step", step, 0.3, "float32", "cpu") == (None, None)
    assert goal_and_must("inference", step, 0.25, "float32", "cpu") == (5.0, 2.0)
    (fcn,) = networks("step", "fcn")
    assert goal_and_must("step", fcn, 0.5, "float32", "cpu") == (None, None)
    series = cases("series")
    for name, expected in {
        "16ch k256 512 samples": (10.0, None),
        "64ch k1024 4096 samples": (10.0, 1.0),
        "64ch k64 512 samples": (None, 1.0),
        "16ch k64 512 samples": (None, None),
    }.items():
        assert goal_and_must("conv", series[name], 0.5, "float32", "cpu") == expected
    large = GROUPS["resnet50"]()[0]
    assert goal_and_must("conv", large, 0.25, "bfloat16", "cuda") == (3.0, 1.5)
    assert goal_and_must("conv", large, 0.25, "bfloat16", "cpu") == (None, None)


def test_a_goal_is_above_its_must() -> None:
    assert all(t.goal is None or t.must is None or t.goal > t.must for t in TARGETS)
