"""What each cell of the matrix is: the capability works, is refused, or does not apply.

A cell that is in no table works. The first row of a table that fits decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from conformance_suite import Capability
from subjects import Subject
from torch._dynamo.exc import Unsupported, UserError
from torch.onnx._internal.exporter._errors import ConversionError


@dataclass(frozen=True)
class Row:
    """Cells that are alike.

    Attributes:
        kinds: kinds and names of subjects, split by `|`; of those joined by `+` it has all.
        capabilities: names, split by spaces.
        told: what the page says.
    """

    kinds: str
    capabilities: str
    told: str

    def fits(self, subject: Subject, capability: Capability) -> bool:
        known = {subject.name, *subject.kinds}
        any_kind = any(known.issuperset(one.split("+")) for one in self.kinds.split("|"))
        return any_kind and capability.name in self.capabilities.split()


@dataclass(frozen=True)
class Refused(Row):
    """It raises.

    Attributes:
        error: the type of the exception.
        match: a regular expression in its text.
    """

    error: type[Exception]
    match: str


@dataclass(frozen=True)
class NotApplicable(Row):
    """There is nothing to ask for."""


@dataclass(frozen=True)
class Noted(Row):
    """It works, in a way that one should know."""


TRANSFORMS = "func_grad vmap per_sample_gradients jacrev"
FORWARD = "jvp forward_mode jacfwd linearized"
WHOLE = "compiled_whole compiled_whole_dynamic"
EXPORTED = "exported exported_trained exported_dynamic exported_strictly"
THRESHOLDED = "Threshold|SpecBlock2d|SpecBlock2d, norm|SpecBlock2d, int8"

NOT_APPLICABLE = (
    NotApplicable("1d", "channels_last", "there is no such format of series"),
    NotApplicable("stateless", "ddp fsdp", "it has no parameters"),
    NotApplicable("stateless", "assigned swapped", "it has no parameters"),
    NotApplicable(
        "spectral|transform|pool|mask|rounding|noise", "state_of_plain", "it stands in for no layer"
    ),
    NotApplicable(
        "spectral|transform",
        "unbatched",
        "a spectrum's maps have a batch: `(C, H, W)` is one of series",
    ),
    NotApplicable("mask", "unbatched", "`(C, H, W)` is a batch of series, unless `dims` is given"),
    NotApplicable("model", "unbatched", "PyTorch's `BatchNorm2d` takes batches"),
    NotApplicable("lossy", "gradcheck gradgradcheck", "its gradients are approximate by design"),
    NotApplicable("noise", "float64 onnx onnx_dynamic", "other numbers are drawn there"),
)

NOTED = (
    Noted("spectral+stateless|norm|transform", "float16", "computed and returned in float32"),
    Noted(
        "policy",
        f"{TRANSFORMS} {FORWARD} compiled {WHOLE} {EXPORTED} onnx onnx_dynamic",
        "the policy is off there: PyTorch's own functions run",
    ),
    Noted(
        "noise",
        f"compiled {WHOLE}",
        "the same numbers by the backends `eager` and `aot_eager`; Inductor draws others",
    ),
    Noted(
        "band",
        "exported_strictly",
        "the program has the layer as one operator of passband, and needs it",
    ),
)

REFUSED = (
    Refused(
        "spectral|SpectralPool2d of a spectrum",
        TRANSFORMS,
        "there are no function transforms of spectra",
        RuntimeError,
        "no function transforms of spectra",
    ),
    Refused(
        "spectral|SpectralPool2d of a spectrum",
        "jvp jacfwd",
        "there are no function transforms of spectra",
        RuntimeError,
        "no function transforms of spectra",
    ),
    Refused(
        "spectral|SpectralPool2d of a spectrum",
        "forward_mode linearized",
        "spectra have no forward-mode derivative",
        NotImplementedError,
        "implement the jvp function",
    ),
    Refused(
        "band+truncated|pool|model|spectral|transform|scope",
        "batched_gradients",
        "take `torch.func.jacrev` or `torch.func.vmap`",
        RuntimeError,
        "no batched gradients of is_grads_batched",
    ),
    Refused(
        f"{THRESHOLDED}|SpecBlock1d",
        "onnx onnx_dynamic",
        "ONNX has no operations on the bits that tell what a threshold keeps",
        ConversionError,
        "aten.view.dtype",
    ),
    Refused(
        THRESHOLDED,
        "exported_dynamic",
        "the bits that tell what a threshold keeps are of a fixed batch",
        UserError,
        "Constraints violated",
    ),
    Refused(
        "energy",
        "cuda_graph",
        "the band is chosen from the values of the batch",
        torch.AcceleratorError,
        "captur",
    ),
    Refused(
        "energy",
        "onnx onnx_dynamic",
        "the band is chosen from the values of the batch",
        ConversionError,
        "passband.convolve",
    ),
    Refused(
        "spectral",
        "gradgradcheck",
        "spectra hold too little for gradients of gradients",
        RuntimeError,
        "hold too little for gradients of gradients",
    ),
    Refused(
        "policy",
        "gradgradcheck",
        "a policy keeps too little for gradients of gradients",
        RuntimeError,
        "keeps too little for gradients of gradients",
    ),
    Refused(
        "spectral+weights",
        "float16 cuda_half",
        "a model of float16 is refused: maps may be float16, parameters float32",
        RuntimeError,
        "spectra of float16 are float32",
    ),
    Refused(
        "BandConv2d, fused",
        "meta",
        'there are no kernels for meta tensors; `plan="auto"` has shapes',
        RuntimeError,
        "no kernels for a map on 'meta'",
    ),
    Refused(
        "energy",
        "meta vmap per_sample_gradients linearized exported exported_trained exported_dynamic",
        "the band is chosen from the values of the batch",
        RuntimeError,
        "chosen from the values of each batch",
    ),
    Refused(
        "spectral|transform",
        WHOLE + " exported_strictly",
        "layers of spectra break the graph; without `fullgraph` or `strict` they work",
        Unsupported,
        "marked as skipped",
    ),
    Refused(
        "scope",
        WHOLE + " exported_strictly",
        "a scope is no part of a graph: `convert_` the model",
        Unsupported,
        "ContextVar",
    ),
)


def state_of(subject: Subject, capability: Capability) -> Row | None:
    """The row that a cell belongs to; None if the capability works and there is no more to say."""
    tables: Iterable[Row] = (*NOT_APPLICABLE, *REFUSED, *NOTED)
    return next((row for row in tables if row.fits(subject, capability)), None)
