"""`passband export`: the program on disk computes what the model computes, or there is none."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.torch_version import TorchVersion

import passband as pb
from passband.lab import cli
from passband.lab.export import program
from passband.lab.models import Architecture, load_model
from passband.lab.training import Result

needs_open_batches = pytest.mark.skipif(
    torch.__version__ < (2, 12),  # type: ignore[operator]
    reason="PyTorch 2.11 takes strides of any batch for those of some",
)
FAST = ("--repeats", "1", "--batch", "3", "--json")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert cli.main(["export", *words, *FAST]) == 0
    found = capsys.readouterr()
    assert found.err == ""
    return json.loads(found.out)


def from_onnx(path: Path) -> Callable[[Tensor], Tensor]:
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return lambda x: torch.from_numpy(session.run(None, {given.name: x.numpy()})[0])


def small(path: str | Path, band: pb.Band | None) -> nn.Module:
    """A model of the laboratory's in a file."""
    built = Architecture("lenet5", 4, (1, 16, 16), {"image_size": (16, 16)})
    model = built.build()
    if band is not None:
        pb.convert_(model, band)
    pb.save(model, path, architecture=built.to_dict())
    return model.eval()


@needs_open_batches
def test_a_run_as_a_program_of_pytorch(
    finished_run: Result, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("model.safetensors", "model.json"):
        shutil.copy(Path(finished_run.config.out) / name, tmp_path)
    found = run(capsys, str(tmp_path), "--pt2")
    path = tmp_path / "model.pt2"
    assert found["file"] == str(path)
    assert found["bytes"] == path.stat().st_size
    assert (found["format"], found["input_shape"], found["batch"]) == ("pt2", [1, 8, 8], None)
    program = torch.export.load(path)
    assert not [node for node in program.graph.nodes if "passband" in str(node.target)]
    model = load_model(tmp_path / "model.safetensors")
    for batch in (1, 5):
        x = torch.randn(batch, 1, 8, 8)
        torch.testing.assert_close(program.module()(x), model(x), rtol=1e-4, atol=1e-5)
    assert 0 <= found["largest_difference"] <= found["tolerance"] == 1e-4
    assert found["keep_measured"] == pytest.approx(finished_run.keep_measured)
    each = [(one["batch"], one["by"]) for one in found["latency"]]
    names = ("torch.export", "eager", "frozen", "nn.Conv")
    assert each == [(batch, name) for batch in (1, 3) for name in names]
    assert all(0 < one["seconds"]["median"] < 60 for one in found["latency"])


@needs_open_batches
def test_a_file_as_onnx(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxscript")
    model = small("net.v2.safetensors", pb.Band(cutoff=0.4))
    found = run(capsys, "net.v2.safetensors", "--onnx")
    assert found["file"] == "net.v2.onnx"
    names = {one["by"] for one in found["latency"]}
    assert names == {"onnxruntime", "eager", "frozen", "nn.Conv"}
    onnx = from_onnx(Path("net.v2.onnx"))
    for batch in (1, 5):
        x = torch.randn(batch, 1, 16, 16)
        expected = model(x).detach().numpy()
        np.testing.assert_allclose(onnx(x).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_another_keep_and_a_fixed_batch(capsys: pytest.CaptureFixture[str]) -> None:
    model = small("net.safetensors", pb.Band(energy=0.9, dynamic=True))
    pb.set_band_(model, pb.Band(keep=0.3))
    words = ("--pt2", "--keep", "0.3", "--fixed-batch", "--out", "new/one.pt2")
    found = run(capsys, "net.safetensors", *words)
    assert found["batch"] == 3
    assert {one["batch"] for one in found["latency"]} == {3}
    x = torch.randn(3, 1, 16, 16)
    module = torch.export.load("new/one.pt2").module()
    torch.testing.assert_close(module(x), model(x), rtol=1e-4, atol=1e-5)
    with pytest.raises(AssertionError, match="3"):
        module(x[:1])


@needs_open_batches
def test_a_table_of_a_plain_model(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--input-shape", "1x12x12", "--pt2", "--batch", "2", "--repeats", "1"]
    assert cli.main(["export", "lenet5", *words]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines() if line.strip()]
    assert lines[1] == ["run", "by", "batch", "1", "batch", "2"]
    assert [line[0] for line in lines[3:5]] == ["torch.export", "eager"]
    assert lines[5] == ["lenet5:", "any", "batch", "of", "1x12x12"]
    assert "program: lenet5.pt2 (" in out


def test_a_program_that_computes_something_else_is_not_written(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small("net.safetensors", None)
    Path("net.pt2").write_bytes(b"old")
    made = program._pt2

    def other(model: nn.Module, x: Tensor, sizes: program.Sizes) -> program.Program:
        return made(nn.Sequential(model, nn.Hardtanh(-1e-3, 1e-3)), x, sizes)

    monkeypatch.setattr(program, "_pt2", other)
    assert cli.main(["export", "net.safetensors", "--pt2", "--fixed-batch", *FAST]) == 2
    assert "of the largest output, where at most 0.0001 is allowed" in capsys.readouterr().err
    assert Path("net.pt2").read_bytes() == b"old"
    assert sorted(p.name for p in here.iterdir()) == ["net.json", "net.pt2", "net.safetensors"]


MINE = """
import torch
from torch import nn

class Twice(nn.Module):
    def forward(self, x):
        return x, x

class Choice(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x

def twice():
    return Twice()

def choice():
    return Choice()

def double():
    return nn.Conv1d(1, 1, 1).double()

class Strict(nn.Module):
    def forward(self, x):
        raise ValueError("no such maps")

def strict():
    return Strict()

def broken():
    raise RuntimeError("nothing built")
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "MODEL"),
        (["lenet5"], "one of the arguments --onnx --pt2 is required"),
        (["lenet5", "--onnx", "--pt2"], "not allowed with"),
        (["lenet6", "--pt2"], "unknown model 'lenet6'"),
        (["none.safetensors", "--pt2"], "No such file or directory: none.safetensors"),
        (["runs/none", "--pt2"], "No such file or directory: runs/none"),
        (["net.pt", "--pt2"], "No such file or directory: net.pt"),
        (["results.csv", "--pt2"], "results.csv is neither a run directory nor a saved net.safe"),
        ([".", "--pt2"], "holds no model.safetensors, which a training leaves at its end"),
        (["lenet5", "--pt2", "--keep", "2"], "keep lies in (0, 1]; got 2"),
        (["lenet5", "--pt2", "--batch", "0"], "batch is at least 1; got 0"),
        (["lenet5", "--pt2", "--repeats", "0"], "repeats is at least 1; got 0"),
        (["lenet5", "--pt2", "--input-shape", "1x9"], "is for maps of 2 axes; got (1, 9)"),
        (["dynamic.safetensors", "--pt2"], "give --keep, or fix them with passband.calibrate_"),
        (["plain.safetensors", "--pt2", "--option", "width=2"], "options are of a model with"),
        (
            ["plain.safetensors", "--pt2", "--fixed-batch", "--input-shape", "1x20x20"],
            "the model takes no maps (3",
        ),
        (["bare.safetensors", "--pt2"], "says no architecture"),
        (["spec_lenet5", "--onnx"], "ONNX has no operations for the thresholds"),
        (["spec_lenet5", "--pt2"], "thresholds are exported for one batch: give --batch"),
        (["spec_lenet5", "--pt2", "--keep", ".5"], "no convolution of maps to convert"),
        (
            ["mine_exported:twice", "--pt2", "--fixed-batch"],
            "a program returns one tensor; the model a tuple",
        ),
        (
            ["mine_exported:choice", "--pt2", "--fixed-batch"],
            "cannot export the model (pt2): Could not guard on data-dependent expression",
        ),
        (
            ["mine_exported:strict", "--pt2", "--fixed-batch"],
            "the model takes no maps (3, 3, 32, 32): no such maps",
        ),
        (
            ["mine_exported:double", "--pt2", "--input-shape", "1x9"],
            "exported in float32; got torch.float64",
        ),
        (["bfloat16.safetensors", "--onnx"], "exported in float32; got torch.bfloat16"),
    ],
)  # fmt: skip
def test_errors_are_one_line(
    words: list[str],
    told: str,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = words[0] if words else ""
    if name == "dynamic.safetensors":
        small(name, pb.Band(energy=0.9, dynamic=True))
    elif name == "plain.safetensors":
        small(name, None)
    elif name == "bfloat16.safetensors":
        built = Architecture("lenet5", 4, (1, 16, 16), {"image_size": (16, 16)})
        pb.save(built.build().bfloat16(), name, architecture=built.to_dict())
    elif name == "results.csv":
        Path(name).write_text("study\n")
    elif name == "bare.safetensors":
        pb.save(nn.Conv2d(1, 1, 3), name)
    elif name.startswith("mine"):
        Path("mine_exported.py").write_text(MINE)
        monkeypatch.delitem(sys.modules, "mine_exported", raising=False)
    before = sorted(here.iterdir())
    assert cli.main(["export", *words, *([] if "--batch" in words else FAST[2:])]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert [p for p in sorted(here.iterdir()) if p.name != "__pycache__"] == before


def test_the_class_of_an_error_in_code_of_yours_decides(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine_exported.py").write_text(MINE)
    monkeypatch.delitem(sys.modules, "mine_exported", raising=False)
    assert cli.main(["export", "mine_exported:broken", "--pt2"]) == 70
    assert "unforeseen RuntimeError: nothing built" in capsys.readouterr().err


def test_an_old_pytorch_exports_fixed_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.11.0"))
    with pytest.raises(ValueError, match=r"PyTorch 2\.11\.0 exports bands for one batch: give"):
        program.check(nn.Conv1d(1, 1, 1), "pt2", fixed=False)


def test_the_reason_is_the_first_one() -> None:
    """As ONNX's exporter has it: advice in colours around what PyTorch said."""
    model, x = nn.Conv1d(1, 1, 1), torch.zeros(2, 1, 3)

    def fails(*_: object) -> program.Program:
        advice = RuntimeError("Failed: \x1b[96mthis is step 1/3\x1b[0m. Next steps:\n- ...")
        raise advice from ValueError("\x1b[1mno such\x1b[0m branch\nFor more information, ...")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "_onnx", fails)
        with pytest.raises(ValueError, match=r"cannot export the model \(onnx\): no such branch$"):
            program.program(model, x, "onnx", fixed=True)


def test_differences_are_of_the_largest_output() -> None:
    model, x = nn.Identity(), torch.tensor([[1.0, -4.0]])
    assert program.difference(lambda x: x + 2e-4, model, [x]) == pytest.approx(5e-5, rel=1e-2)
    for wrong in (lambda x: x + 1e-3, lambda x: x * float("nan")):
        with pytest.raises(ValueError, match="nothing is written"):
            program.difference(wrong, model, [x])


def test_a_spectral_model_of_one_batch(capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "spec_lenet5", "--pt2", "--fixed-batch")
    assert {one["by"] for one in found["latency"]} == {"torch.export", "eager"}
    assert io.BytesIO(Path("spec_lenet5.pt2").read_bytes()).read(2) == b"PK"
