"""Models that something else wraps, averages, prunes, fuses or compiles, and lists that change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval, prune
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import passband as pb
from passband.functional import band_conv2d

HALF = pb.Band(keep=0.5)
deprecated = pytest.mark.filterwarnings("ignore:`torch.jit.:DeprecationWarning")


def small() -> Any:
    """A Sequential, of which PyTorch does not know what its parts are."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 5, 3, stride=2),
    )


def converted() -> Any:
    model = small()
    pb.convert_(model, HALF)
    return model


def example() -> Tensor:
    return torch.randn(2, 3, 12, 10, generator=torch.Generator().manual_seed(1))


def averaged(model: nn.Module) -> AveragedModel:
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5))


@pytest.mark.parametrize("convert_first", [True, False])
def test_an_average_of_weights(convert_first: bool) -> None:
    model = small()
    if convert_first:
        pb.convert_(model, HALF)
    average = averaged(model)
    if not convert_first:
        pb.convert_(model, HALF)
        pb.convert_(average, HALF)
    start = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.ones_like(p))
    average.update_parameters(model)  # the first copies
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.ones_like(p))
    average.update_parameters(model)
    for name, p in average.module.named_parameters():
        torch.testing.assert_close(p, start[name] + 1.5)
    by_hand = converted()
    by_hand.load_state_dict(average.module.state_dict(), strict=True)
    assert torch.equal(average.eval()(example()), by_hand.eval()(example()))
    pb.set_band_(average, pb.Band(keep=0.25))
    assert model[0].band == HALF, "a band of its own"
    assert pb.revert_(average) == ["module.0", "module.3"]
    assert type(model[0]) is pb.nn.BandConv2d
    assert type(average.get_submodule("module.0")) is nn.Conv2d


def test_pruned_layers() -> None:
    model, x = small().eval(), example()
    prune.l1_unstructured(model[0], "weight", 0.5)
    before = model(x)
    pb.convert_(model, HALF, example=x)
    masked = model[0].weight_orig * model[0].weight_mask
    assert torch.equal(model[0](x), band_conv2d(x, masked, padding=1, band=HALF))
    model(x).sum().backward()
    assert (model[0].weight_orig.grad[model[0].weight_mask == 0] == 0).all()
    prune.remove(model[0], "weight")
    pb.revert_(model)
    assert torch.equal(model(x), before)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_batch_norm_is_fused_into_a_band_limited_layer(frozen: bool) -> None:
    model, x = converted(), example()
    model[1].running_mean.normal_()
    model[1].running_var.uniform_(0.5, 2)
    model.eval()
    with torch.no_grad():
        expected = model[1](model[0](x))
        if frozen:
            pb.freeze_(model)
            model(x)  # leaves spectra of the filters before fusion
        fused = fuse_conv_bn_eval(model[0], model[1])
        assert type(fused) is pb.nn.BandConv2d
        assert fused.band == HALF
        torch.testing.assert_close(fused(x), expected)
        torch.testing.assert_close(model[1](model[0](x)), expected, msg="and the model as it was")


def test_fx_traces_a_converted_model_and_a_traced_model_is_converted() -> None:
    model, x = converted().eval(), example()
    graph = torch.fx.symbolic_trace(model)
    assert torch.equal(graph(x), model(x))
    assert list(graph.state_dict()) == list(model.state_dict())
    other = torch.fx.symbolic_trace(small().eval())
    assert [row.name for row in pb.convert_(other, HALF).converted] == ["0", "3"]
    assert torch.equal(other(x), model(x))
    assert pb.revert_(other) == ["0", "3"]
    assert torch.equal(other(x), small().eval()(x))


def test_lists_change_after_conversion() -> None:
    model, x = converted(), example()
    model.append(nn.Conv2d(5, 5, 3))
    model[0] = nn.Conv2d(3, 4, 3, padding=1, bias=False)
    report = pb.report(model, x)
    assert [row.name for row in report.converted] == ["3"]
    assert [(row.name, row.reason) for row in report.skipped] == [
        ("0", "not converted"),
        ("4", "not converted"),
    ]
    pb.set_band_(model, pb.Band(keep=0.25))
    with pytest.raises(ValueError, match="no band-limited layer is called '0'"):
        pb.set_band_(model, {"0": HALF})
    report = pb.convert_(model, pb.Band(keep=0.25), example=x)
    assert [row.before for row in report.converted] == ["Conv2d", "BandConv2d", "Conv2d"]
    taken_out = model[3]
    del model[3], model[3]
    assert pb.revert_(model) == ["0"]
    assert type(taken_out) is pb.nn.BandConv2d, "it is in no model that was turned back"
    assert pb.revert_(taken_out) == [""]


def test_lists_change_under_a_memory_policy() -> None:
    model, x = small(), example()
    pb.convert_(model, HALF, memory=pb.MemoryPolicy.exact())
    model.append(nn.Sequential(nn.Conv2d(5, 5, 3), nn.BatchNorm2d(5), nn.ReLU()))
    twin = copy.deepcopy(model)
    pb.memory.detach_(twin)
    for each in (model, twin):
        each(x).square().sum().backward()
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert p.grad is not None
        torch.testing.assert_close(p.grad, q.grad)
    held, of_twin = (pb.memory.saved(partial(m, x)).total for m in (model, twin))
    assert held < of_twin
    assert pb.revert_(model) == ["0", "3"]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_lazy_layer_is_converted_once_its_shape_is_known() -> None:
    model, x = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU()), example()
    (row,) = pb.convert_(model, HALF, example=x).rows
    assert "lazy, its shape not known yet" in row.reason
    (row,) = pb.convert_(model, HALF).rows
    assert row.converted, "the example told it"
    assert pb.revert_(model) == ["0"]
    assert type(model[0]) is nn.Conv2d


def traced(module: nn.Module) -> Any:
    return torch.jit.trace(module, torch.zeros(1, 4, 8, 8))


@deprecated
@pytest.mark.parametrize("compile_", [torch.jit.script, traced])
def test_a_compiled_part_is_refused_and_nothing_is_changed(compile_: Callable[..., Any]) -> None:
    part = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3), nn.ReLU()).eval()
    model = nn.Sequential(nn.Conv2d(3, 4, 3), compile_(part), nn.Conv2d(4, 4, 3))
    x = example()
    before = model(x)
    for memory in (None, pb.MemoryPolicy.exact()):
        with pytest.raises(ValueError, match=r"1\.1 is a Conv2d that torch\.jit compiled"):
            pb.convert_(model, HALF, memory=memory)
    assert type(model[0]) is type(model[2]) is nn.Conv2d
    assert pb.report(model).memory is None
    assert torch.equal(model(x), before)
    report = pb.convert_(model, HALF, where=lambda name, _: not name.startswith("1."), example=x)
    assert [(row.name, row.reason) for row in report.skipped] == [
        ("1.0", "kernel size 1 (pointwise=True converts it)"),
        ("1.1", "where() said no"),
    ]
    rows = {row.name: row.reason for row in pb.report(model, x).rows}
    assert rows == {
        "0": "",
        "1.0": "compiled by torch.jit",
        "1.1": "compiled by torch.jit",
        "2": "",
    }
    assert pb.revert_(model) == ["0", "2"]
    assert torch.equal(model(x), before)


@deprecated
def test_a_compiled_part_without_convolutions_is_none_of_our_business() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), torch.jit.script(nn.SiLU()))
    assert [row.name for row in pb.convert_(model, HALF, example=example()).rows] == ["0"]


@deprecated
@pytest.mark.parametrize("frozen", [False, True])
def test_compiling_a_converted_model_is_refused(frozen: bool) -> None:
    model, x = converted().eval(), example()
    if frozen:
        pb.freeze_(model)
    with pytest.raises(RuntimeError, match=r"cannot compile BandConv2d.*revert_"):
        torch.jit.script(nn.Sequential(model))
    for grad in (False, True):
        with torch.set_grad_enabled(grad):
            model(x)
            with pytest.raises(RuntimeError, match=r"torch\.jit\.trace cannot follow.*revert_"):
                torch.jit.trace(model, x)
    pb.revert_(model)
    assert torch.equal(torch.jit.script(model)(x), model(x))
    assert torch.equal(torch.jit.trace(model, x)(x), model(x))
