"""What `torch.compile`, `torch.export` and ONNX ask of a layer."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from contract import Contract, Run, assert_near, results
from torch import Tensor

SIZES = 3, 2, 5  # of batches, one after another


@contextmanager
def quiet() -> Iterator[None]:
    """Compilers and exporters warn of their own deprecations, and tell what they skip."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


class Compilers(Contract):
    """Graphs of a layer compute what it computes."""

    def compiled(self) -> None:
        """`torch.compile`, a graph break allowed"""
        self.by("eager", (3,), fullgraph=False)  # dozens of pieces, of which a few are computed

    def compiled_whole(self) -> None:
        """`torch.compile(fullgraph=True)`, one size"""
        self.by("aot_eager", (3,), fullgraph=True, dynamic=False)

    def compiled_whole_dynamic(self) -> None:
        """`torch.compile(fullgraph=True, dynamic=True)`, batches of several sizes, compiled once"""
        with torch._dynamo.config.patch(error_on_recompile=True):
            # Not one of 3 first: of as many channels PyTorch takes both for one symbol.
            self.by("aot_eager", (7, *SIZES), fullgraph=True, dynamic=True)

    def by(self, backend: Any, sizes: tuple[int, ...], **options: Any) -> None:
        model, same = self.model(), self.model()
        expected = [results(model, self.maps(size)) for size in sizes]
        torch._dynamo.reset()
        with quiet():
            run = torch.compile(same, backend=backend, **options)
            for size, wanted in zip(sizes, expected, strict=True):
                self.alike(results(same, self.maps(size), run), wanted)
        # What a compiler has looked at is left as it was.
        self.alike(results(self.model(), self.maps(sizes[0])), expected[0])

    def exported(self) -> None:
        """`torch.export`, one size"""
        self.export(strict=False)

    def exported_trained(self) -> None:
        """`torch.export`, and gradients of the program"""
        expected = results(self.evaluated(), self.maps())
        run = self.program(strict=False).module()
        self.alike(results(run, self.maps()), expected)

    def exported_dynamic(self) -> None:
        """`torch.export` with a batch of any size"""
        self.export(strict=False, dynamic=True)

    def exported_strictly(self) -> None:
        """`torch.export(strict=True)`, one size and any"""
        self.export(strict=True)
        self.export(strict=True, dynamic=True)

    def export(self, *, strict: bool, dynamic: bool = False) -> None:
        expected = self.outputs()
        program = self.program(strict=strict, dynamic=dynamic)
        file = io.BytesIO()
        with quiet():
            torch.export.save(program, file)
            file.seek(0)
            run = torch.export.load(file).module()
        self.check(run, expected if dynamic else expected[:1])

    def program(self, *, strict: bool, dynamic: bool = False) -> torch.export.ExportedProgram:
        sizes = ({0: torch.export.Dim("batch")},) if dynamic else None
        torch._dynamo.reset()
        with quiet():
            return torch.export.export(
                self.evaluated(), (self.maps(),), strict=strict, dynamic_shapes=sizes
            )

    def onnx(self) -> None:
        """ONNX, and onnxruntime computes the same"""
        expected = self.outputs()[:1]
        self.check(self.in_onnxruntime(dynamic=False), expected)

    def onnx_dynamic(self) -> None:
        """ONNX with a batch of any size"""
        expected = self.outputs()
        self.check(self.in_onnxruntime(dynamic=True), expected)

    def in_onnxruntime(self, *, dynamic: bool) -> Run:
        import onnxruntime

        sizes = ({0: torch.export.Dim("batch")},) if dynamic else None
        with quiet(), TemporaryDirectory() as folder, torch.no_grad():
            path = Path(folder) / "model.onnx"
            torch.onnx.export(
                self.evaluated(), (self.maps(),), path, dynamo=True, dynamic_shapes=sizes,
                verbose=False, optimize=False,
            )  # fmt: skip
            settings = onnxruntime.SessionOptions()
            settings.log_severity_level, settings.intra_op_num_threads = 3, 1
            session = onnxruntime.InferenceSession(path, settings, ["CPUExecutionProvider"])

        def run(x: Tensor) -> Tensor:
            (out,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
            return torch.from_numpy(out)

        return run

    def outputs(self) -> list[Tensor]:
        """Of batches of several sizes, as they are before anything is exported."""
        model = self.evaluated()
        with torch.no_grad():
            return [self.seeded(model, size) for size in SIZES]

    def check(self, run: Run, expected: list[Tensor]) -> None:
        with torch.no_grad():
            found = [self.seeded(run, size) for size in SIZES[: len(expected)]]
        assert_near(found, expected, 5e-5)
        # What was exported is left as it was.
        assert_near(self.outputs()[: len(expected)], expected, 5e-5)

    def seeded(self, run: Run, size: int) -> Tensor:
        torch.manual_seed(1)
        y: Tensor = run(self.maps(size))
        return y
