"""torch.export and ONNX: a program of PyTorch's operations that computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.export import Dim, ExportedProgram, export

import passband as pb
from every_convolution import network
from passband.functional.plan import PlanName

PLANS: list[PlanName] = ["auto", "fft", "dft", "spatial"]
PROVES_LESS = torch.__version__ < (2, 12)  # type: ignore[operator]
BATCH = ({0: Dim("batch", min=2)},)


def ours(program: ExportedProgram) -> set[str]:
    return {str(n.target) for n in program.graph.nodes if "passband" in str(n.target)}


@pytest.mark.filterwarnings("ignore:`isinstance")  # PyTorch's own, of its own code
@pytest.mark.parametrize("batches", [(4,), (4, 7, 2)], ids=["static", "dynamic"])
@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("plan", PLANS)
def test_a_program_is_the_network(plan: PlanName, strict: bool, batches: tuple[int, ...]) -> None:
    if len(batches) > 1 and not strict and PROVES_LESS:
        pytest.skip("PyTorch 2.11 takes strides of any batch for those of some")
    model = network(plan=plan).eval()
    x = torch.randn(batches[0], 3, 20, 19)
    sizes = BATCH if len(batches) > 1 else None
    program = export(model, (x,), strict=strict, dynamic_shapes=sizes)
    # A strict export has the layer as one operator of ours, any other is PyTorch's alone.
    assert ours(program) == ({"passband.band_conv.default"} if strict else set())
    for module in (program.module(), program.run_decompositions().module()):
        for batch in batches:
            x = torch.randn(batch, 3, 20, 19)
            torch.testing.assert_close(module(x), model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(PROVES_LESS, reason="PyTorch 2.11 takes strides of any batch for those of some")
@pytest.mark.parametrize("keep", [0.1, 0.4, 0.9])
@pytest.mark.parametrize("plan", PLANS)
def test_the_batch_of_large_maps_stays_open(plan: PlanName, keep: float) -> None:
    """There a transform has an axis for each step, and the batch is a factor of products."""
    model = network(pb.Band(keep=keep), plan=plan).eval()
    program = export(model, (torch.randn(8, 3, 64, 48),), dynamic_shapes=BATCH)
    x = torch.randn(3, 3, 64, 48)
    torch.testing.assert_close(program.module()(x), model(x), rtol=1e-4, atol=1e-4)


def test_a_program_can_be_trained() -> None:
    """Its gradients are those of its operations, and equal ours."""
    model = network().eval()
    x = torch.randn(4, 3, 20, 19)
    module = export(model, (x,)).module()
    module(x).square().sum().backward()
    model(x).square().sum().backward()
    found = dict(module.named_parameters())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name].grad, parameter.grad, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore:The given buffer is not writable")  # of an older PyTorch
def test_a_program_on_disk_needs_no_passband(tmp_path: Path) -> None:
    model = network().eval()
    x = torch.randn(4, 3, 20, 19)
    torch.export.save(export(model, (x,)), tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2")
    assert not ours(loaded)
    torch.testing.assert_close(loaded.module()(x), model(x), rtol=1e-4, atol=1e-4)


def test_a_dynamic_band_cannot_be_exported() -> None:
    layer = pb.nn.BandConv1d(2, 3, 3, band=pb.Band(energy=0.9, dynamic=True))
    with pytest.raises(RuntimeError, match=r"fix the band with passband.calibrate_"):
        export(layer, (torch.randn(2, 2, 9),))


def run_onnx(program: Any, path: Path, *inputs: torch.Tensor) -> list[np.ndarray[Any, Any]]:
    runtime = pytest.importorskip("onnxruntime")
    program.save(path)
    session = runtime.InferenceSession(path)
    assert (session.get_inputs()[0].shape[0] == inputs[0].shape[0]) == (len(inputs) == 1)
    (name,) = (i.name for i in session.get_inputs())
    return [session.run(None, {name: x.numpy()})[0] for x in inputs]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("plan", PLANS)
def test_onnx_computes_the_same(plan: PlanName, dynamic: bool, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    if dynamic and PROVES_LESS:
        pytest.skip("PyTorch 2.11 takes strides of any batch for those of some")
    model = network(plan=plan).eval()
    x = torch.randn(4, 3, 20, 19)
    program = torch.onnx.export(
        model, (x,), dynamo=True, dynamic_shapes=BATCH if dynamic else None, verbose=False
    )
    inputs = [x, torch.randn(7, 3, 20, 19)] if dynamic else [x]
    for found, given in zip(run_onnx(program, tmp_path / "m.onnx", *inputs), inputs, strict=True):
        np.testing.assert_allclose(found, model(given).detach().numpy(), rtol=1e-3, atol=1e-4)
