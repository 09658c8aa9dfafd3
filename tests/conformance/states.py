"""What each cell of the matrix is: the capability works, is refused, or does not apply.

A cell that is in no table works. The first row of a table that fits decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conformance_suite import Capability
from subjects import Subject
from torch._dynamo.exc import Unsupported
from torch.onnx._internal.exporter._errors import ConversionError, TorchExportError


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
FORWARD = "jvp forward_mode jacfwd"
WHOLE = "compiled_whole compiled_whole_dynamic"
EXPORTED = "exported_strictly"

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
        TRANSFORMS + " " + FORWARD + " compiled compiled_whole",
        "the policy is off there: PyTorch's own functions run",
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
        "spectral|transform",
        FORWARD,
        "spectra have no forward-mode derivative",
        NotImplementedError,
        "implement the jvp function",
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
        "float16",
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
        "meta vmap per_sample_gradients exported exported_dynamic",
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

# What is being mended: of a row that no longer holds a test says so, and it goes.
BANDED_POLICY = "converted, exact()|converted, bf16()|converted, int8 spectra"
BANDED = f"converted|converted, frozen|{BANDED_POLICY}"
CONVERSION = "Failed to convert the exported program|Failed to decompose the FX graph"
PENDING: tuple[Refused, ...] = (
    Refused(f"band|{BANDED}", WHOLE, "to come", Unsupported, "marked as skipped"),
    Refused(f"band|{BANDED}", "exported_strictly", "to come", Unsupported, ""),
    Refused("pool", f"{WHOLE} exported_strictly", "to come", Unsupported, ""),
    Refused("mask|rounding|noise", "compiled_whole_dynamic", "to come", Unsupported, "isfinite"),
    Refused(
        "exact()|unchanged_forward()",
        "compiled_whole_dynamic", "to come", AssertionError, "compiled 2 times",
    ),
    Refused(
        f"band+truncated|spectral|transform|scope|{BANDED}",
        "exported_dynamic", "to come", TypeError, "unhashable type: non-nested SymInt",
    ),
    Refused(
        f"band|spectral|transform|scope|{BANDED}",
        "onnx_dynamic", "to come", TorchExportError, "Failed to export",
    ),
    Refused("energy", "onnx", "to come", TorchExportError, "Failed to export"),
    Refused("BandConv2d, fft", "onnx", "to come", ConversionError, CONVERSION),
    Refused("pool+2d|pool+3d", "onnx onnx_dynamic", "to come", ConversionError, CONVERSION),
    Refused(
        "Threshold|SpecBlock1d|SpecBlock2d|SpecBlock2d, norm|SpecBlock2d, int8",
        "onnx", "to come", ConversionError, CONVERSION,
    ),
    Refused(
        f"truncated|scope|pool|mask|rounding|{BANDED}",
        FORWARD, "to come", NotImplementedError, "implement the jvp",
    ),
    Refused(
        "band+truncated|pool|model|spectral|transform",
        "batched_gradients", "to come", RuntimeError, "data pointer|Batching rule",
    ),
    Refused(
        f"transposed|scope|{BANDED}",
        "checkpointed_selectively", "to come", RuntimeError, "has been mutated",
    ),
)  # fmt: skip


def state_of(subject: Subject, capability: Capability) -> Row | None:
    """The row that a cell belongs to; None if the capability works and there is no more to say."""
    tables: Iterable[Row] = (*NOT_APPLICABLE, *REFUSED, *PENDING, *NOTED)
    return next((row for row in tables if row.fits(subject, capability)), None)
