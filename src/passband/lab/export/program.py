"""A model as a program of PyTorch's or ONNX's operations, and how far it is from the model."""

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

import passband as pb
from passband.lab.data.packages import require

Format = Literal["onnx", "pt2"]
Run = Callable[[Tensor], Tensor]
_COLOURS = re.compile(r"\x1b\[[\d;]*m")
Sizes = tuple[dict[int, torch.export.Dim], ...] | None
TOLERANCE = 1e-4
"""The largest difference from the model, as a share of the largest output, in float32."""


@dataclass(frozen=True)
class Program:
    """A program, ready to be written and to be run.

    Attributes:
        content: Of its file.
        run: Runs what was read from it.
        by: What runs it.
    """

    content: bytes
    run: Run
    by: str


def program(model: nn.Module, x: Tensor, kind: Format, *, fixed: bool) -> Program:
    """Exports a model.

    Args:
        model: In eval mode, its bands fixed, and passed by ``check``.
        x: Maps ``(N, C, *space)``, N at least 2 unless ``fixed``.
        kind: Of the file.
        fixed: Whether it takes only as many maps as ``x`` has.

    Raises:
        ValueError: The model has no such program; the message says why.
    """
    make = _onnx if kind == "onnx" else _pt2
    try:
        with _quiet(), torch.no_grad():
            return make(model, x, None if fixed else ({0: torch.export.Dim("batch")},))
    except Exception as error:  # exporters fail in many ways
        raise ValueError(f"PyTorch cannot export the model ({kind}): {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """One line of what went wrong first: what exporters make of it are pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = _COLOURS.sub("", str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__


def check(model: nn.Module, kind: Format, *, fixed: bool) -> None:
    """Refuses models that have no program of a kind, before they are run.

    Raises:
        ValueError: It has none.
        ImportError: ONNX is not installed.
    """
    dtypes = {p.dtype for p in model.parameters()} - {torch.float32}
    if dtypes:
        raise ValueError(f"a model is exported in float32; got {', '.join(map(str, dtypes))}")
    if any(isinstance(module, pb.nn.Threshold) for module in model.modules()):
        if kind == "onnx":
            raise ValueError("ONNX has no operations for the thresholds of spectral models: --pt2")
        if not fixed:
            raise ValueError("thresholds are exported for one batch: give --batch, --fixed-batch")
    if not fixed and torch.__version__ < (2, 12):  # type: ignore[operator]
        raise ValueError(
            f"PyTorch {torch.__version__} exports bands for one batch: give --batch and "
            "--fixed-batch, or install PyTorch 2.12"
        )
    if kind == "onnx":
        require("onnxscript", extra="onnx")
        require("onnxruntime", extra="onnx")


def _pt2(model: nn.Module, x: Tensor, sizes: Sizes) -> Program:
    file = io.BytesIO()
    torch.export.save(torch.export.export(model, (x,), dynamic_shapes=sizes), file)
    file.seek(0)
    return Program(file.getvalue(), torch.export.load(file).module(), "torch.export")


def _onnx(model: nn.Module, x: Tensor, sizes: Sizes) -> Program:
    import onnxruntime

    # onnxruntime optimises what it loads; the exporter would take minutes for it.
    made = torch.onnx.export(
        model,
        (x,),
        dynamo=True,
        dynamic_shapes=sizes,
        verbose=False,
        optimize=False,
    )
    assert made is not None
    content = made.model_proto.SerializeToString()
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level, settings.intra_op_num_threads = 3, torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, settings, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(maps: Tensor) -> Tensor:
        (found,) = session.run(None, {name: maps.numpy()})
        return torch.from_numpy(found)

    return Program(content, run, "onnxruntime")


def difference(run: Run, model: nn.Module, batches: Sequence[Tensor]) -> float:
    """The largest difference of outputs, as a share of the largest output of the model.

    Raises:
        ValueError: It is above ``TOLERANCE``, or not finite.
    """
    largest = 0.0
    with torch.inference_mode():
        for x in batches:
            wanted, found = model(x), run(x)
            apart = (found - wanted).abs().max() / wanted.abs().max()
            largest = max(largest, float(apart)) if apart.isfinite() else float("inf")
            if not largest <= TOLERANCE:
                raise ValueError(
                    f"the program differs from the model by {largest:.1e} of the largest output, "
                    f"where at most {TOLERANCE:g} is allowed, at a batch of {len(x)}: nothing is "
                    "written"
                )
    return largest


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters warn of their own deprecations, tell what they skip, and print graphs."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
