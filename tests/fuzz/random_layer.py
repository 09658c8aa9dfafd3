"""One random convolution: a description, which prints as the code to make it again; and a strategy.

The strategy gives what `nn.Conv*` accepts. Sizes, taps and strides reach 70, but their product
stays such that the dense oracle takes milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import torch
from torch import Tensor, nn

import oracle
import passband as pb
from cases import band_of
from oracle import Array, Cut, FftSize
from passband.kernels import missing

MOST = 70
DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "autocast": torch.float32,  # to bfloat16
}
LAYOUTS = ["contiguous", "channels last", "sliced", "expanded"]
PLANS = ["auto", "fft", "dft", "spatial", *(["fused"] if missing("cpu") is None else [])]


@dataclass(frozen=True)
class Layer:
    """A convolution and the map it is given; sizes have an entry for each space axis.

    Attributes:
        batch: N, or None for a map without that axis.
        energy: in place of `cut`: a band chosen from the batch, with the transform length of `cut`.
        layout: how the map lies in memory, and the filter likewise unless `"expanded"`.
        functional: whether to call the function rather than the layer.
    """

    transposed: bool
    space: tuple[int, ...]
    kernel: tuple[int, ...]
    inputs: int
    outputs: int
    groups: int
    batch: int | None
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...] | str
    output_padding: tuple[int, ...] = ()
    padding_mode: str = "zeros"
    stride_mode: str = "sample"
    bias: bool = True
    cut: Cut = Cut(keep=0.5)  # noqa: RUF009  # frozen
    energy: float | None = None
    plan: str = "auto"
    dtype: str = "float64"
    layout: str = "contiguous"
    functional: bool = False
    seed: int = 0

    @property
    def dims(self) -> int:
        return len(self.space)

    @property
    def torch_dtype(self) -> torch.dtype:
        return DTYPES[self.dtype]

    @property
    def rounded_to(self) -> torch.dtype:
        """The coarsest dtype that values have on their way."""
        return torch.bfloat16 if self.dtype == "autocast" else self.torch_dtype

    @property
    def band(self) -> pb.Band:
        if self.energy is not None:
            return pb.Band(energy=self.energy, dynamic=True, fft_size=self.cut.fft_size)
        return band_of(self.cut)

    @property
    def geometry(self) -> dict[str, Any]:
        """What oracle, functions and layers all take."""
        given: dict[str, Any] = {"stride": self.stride, "padding": self.padding}
        given |= {"dilation": self.dilation}
        return given | ({"output_padding": self.output_padding} if self.transposed else {})

    def arrays(self) -> tuple[Array, Array, Array | None]:
        """Map, filter and bias, of numbers that the dtype has."""
        rng = np.random.default_rng(self.seed)
        pair = (self.inputs, self.outputs) if self.transposed else (self.outputs, self.inputs)
        x = rng.standard_normal((self.batch or 0, self.inputs, *self.space))
        if self.batch is None:
            x = rng.standard_normal((self.inputs, *self.space))
        elif self.layout == "expanded":
            x = np.repeat(x[:1], self.batch, axis=0)
        w = rng.standard_normal((pair[0], pair[1] // self.groups, *self.kernel))
        b = rng.standard_normal(self.outputs) if self.bias else None
        return self.rounded(x), self.rounded(w), None if b is None else self.rounded(b)

    def rounded(self, a: Array) -> Array:
        values = torch.from_numpy(a).to(self.rounded_to).double().numpy()
        return np.asarray(values, dtype=np.float64)

    def cotangent(self, shape: Sequence[int]) -> Array:
        return self.rounded(np.random.default_rng(self.seed + 1).standard_normal(shape))

    def ours(self) -> nn.Module:
        """The band-limited layer."""
        striding = {} if self.transposed else {"stride_mode": self.stride_mode}
        return self.module(pb.nn, self.torch_dtype, band=self.band, plan=self.plan, **striding)

    def module(self, of: Any, dtype: torch.dtype, **more: Any) -> nn.Module:
        """`nn.Conv*` or, of `pb.nn`, `BandConv*`, with the weight of `arrays`."""
        name = f"{'Band' if of is pb.nn else ''}Conv{'Transpose' * self.transposed}{self.dims}d"
        made: nn.Module = getattr(of, name)(
            self.inputs, self.outputs, self.kernel, **self.geometry, groups=self.groups,
            bias=self.bias, padding_mode=self.padding_mode, dtype=dtype, **more,
        )  # fmt: skip
        _, w, b = self.arrays()
        made.weight = nn.Parameter(laid_out(torch.from_numpy(w).to(dtype), self.layout, self.dims))
        if b is not None:
            made.bias = nn.Parameter(torch.from_numpy(b).to(dtype))
        return made

    def map(self, dtype: torch.dtype) -> Tensor:
        """The input as a leaf, lying in memory as it should."""
        x = torch.from_numpy(self.arrays()[0]).to(dtype)
        if self.layout == "expanded" and self.batch:
            return x[:1].clone().expand(x.shape).requires_grad_()
        return laid_out(x, self.layout, self.dims).requires_grad_()

    def resolved(self) -> Cut:
        """The band as mode counts where the batch decides, else as it is stated."""
        if self.energy is None:
            return self.cut
        x = self.arrays()[0]
        options = {k: v for k, v in self.geometry.items() if k != "output_padding"}
        rings = oracle.conv_rings(
            self.space, self.kernel, self.cut.fft_size, **options, padding_mode=self.padding_mode
        )
        batch = x if self.batch is not None else x[None]
        modes = oracle.energy_modes(batch, [inside for _, inside in rings], self.energy)
        return replace(self.cut, keep=None, cutoff=None, modes=modes)

    def expected(self) -> oracle.Result:
        """Value and gradients by the dense oracle."""
        x, w, b = self.arrays()
        given: dict[str, Any] = {**self.geometry, "groups": self.groups, "cut": self.resolved()}
        op: Any = oracle.conv_transpose
        if not self.transposed:
            given |= {"padding_mode": self.padding_mode, "stride_mode": self.stride_mode}
            op = oracle.conv
        cotangent = self.cotangent(op(x, w, **given).y.shape)
        result: oracle.Result = op(x, w, b, cotangent, **given)
        return result


def laid_out(t: Tensor, layout: str, dims: int) -> Tensor:
    """The same values elsewhere in memory; what lies between those of a slice is NaN."""
    if layout == "channels last":
        channels = t.dim() - dims - 1
        return t.movedim(channels, -1).contiguous().movedim(-1, channels)
    if layout == "sliced":
        wider = t.new_full((*t.shape[:-1], 2 * t.shape[-1] + 1), math.nan)
        wider[..., 1::2] = t
        return wider[..., 1::2]
    return t.clone()


def often(usual: st.SearchStrategy[int], rarely: st.SearchStrategy[int]) -> st.SearchStrategy[int]:
    return st.one_of(usual, usual, usual, rarely)


class Sizes(NamedTuple):
    """Of one axis: samples, taps, and how they lie."""

    n: int
    k: int
    dilation: int
    stride: int
    padding: int
    extra: int

    @property
    def extent(self) -> int:
        return self.dilation * (self.k - 1) + 1

    @property
    def output_of_transposed(self) -> int:
        return (self.n - 1) * self.stride - 2 * self.padding + self.extent + self.extra


@st.composite
def axes(draw: st.DrawFn, mode: str, transposed: bool, points: int, products: int) -> Sizes:
    """With a ring of about so many points at most, and so many pairs of output and tap."""
    most = min(MOST, points)
    n = draw(often(st.integers(1, min(12, most)), st.integers(1, most)))
    longest = min(points, 6 * MOST)
    if mode in ("circular", "reflect"):
        longest = min(longest, 3 * n - 2)  # such padding is no longer than the map
    most = max(1, min(MOST, longest, products // (n + 8)))
    k = draw(often(st.integers(1, min(5, most)), st.integers(1, most)))
    d = 1 if k == 1 else draw(st.integers(1, max(1, min(4, (longest - 1) // (k - 1)))))
    extent = d * (k - 1) + 1
    if transposed:
        most = max(1, min(MOST, (longest - extent) // max(1, n - 1)))
        s = draw(often(st.integers(1, min(3, most)), st.integers(1, most)))
        e = draw(st.integers(0, max(s, d) - 1))
        return Sizes(n, k, d, s, draw(st.integers(0, ((n - 1) * s + extent + e - 1) // 2)), e)
    s = draw(often(st.integers(1, 3), st.integers(1, MOST)))
    widest = {"circular": n, "reflect": n - 1}.get(mode, 3 * MOST)
    return Sizes(n, k, d, s, min(max(0, extent - n + 1) // 2 + draw(st.integers(0, 3)), widest), 0)


@st.composite
def layers(draw: st.DrawFn, dims: int, transposed: bool) -> Layer:
    """What PyTorch accepts, of so many axes."""
    mode = "zeros"
    if not transposed:
        modes = ["zeros", "zeros", "zeros", "circular", "reflect", "replicate"]
        mode = draw(st.sampled_from(modes))
    drawn: list[Sizes] = []
    points, products = 2500, 100_000  # that are left for more axes
    for _ in range(dims):
        one = draw(axes(mode, transposed, points, products))
        output = one.output_of_transposed + 2 * one.padding if transposed else 1
        points = max(1, points // max(one.n, one.extent, output))
        products //= one.k * (one.n + 8)
        drawn.append(one)
    each = draw(st.permutations(drawn))
    stride, padding = tuple(a.stride for a in each), tuple(a.padding for a in each)
    choices: list[tuple[int, ...] | str] = [padding, padding]
    pads = draw(st.sampled_from([*choices, *named_paddings(each, mode, transposed)]))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    batch = draw(st.sampled_from([None, 0, 1, 2, 3]))
    dtype = draw(st.sampled_from(list(DTYPES)))
    layouts = LAYOUTS if batch else LAYOUTS[:3]
    if (batch is None and groups > 1) or (transposed and dims == 3):
        layouts = [one for one in layouts if one != "channels last"]  # see WRONG_IN_PYTORCH
    energy = None
    if batch != 0 and dtype == "float64" and not transposed:
        energy = draw(st.sampled_from([None, None, None, 0.5, 0.9, 1.0]))
    return Layer(
        transposed,
        space=tuple(a.n for a in each),
        kernel=tuple(a.k for a in each),
        inputs=groups * draw(st.integers(1, 3)),
        outputs=groups * draw(st.integers(1, 3)),
        groups=groups,
        batch=batch,
        stride=(1,) * dims if pads == "same" else stride,
        dilation=tuple(a.dilation for a in each),
        padding=pads,
        output_padding=tuple(a.extra for a in each) if transposed else (),
        padding_mode=mode,
        stride_mode="sample" if transposed else draw(st.sampled_from(["sample", "spectral"])),
        bias=draw(st.booleans()),
        cut=draw(cuts([a.output_of_transposed if transposed else a.n for a in each])),
        energy=energy,
        plan=draw(st.sampled_from(PLANS)),
        dtype=dtype,
        layout=draw(st.sampled_from(layouts)),
        functional=draw(st.booleans()),
        seed=draw(st.integers(0, 2**16)),
    )


def named_paddings(each: Sequence[Sizes], mode: str, transposed: bool) -> list[str]:
    """Paddings by name that these sizes may have."""
    if transposed:
        return []
    most = {"circular": 0, "reflect": 1}.get(mode)
    same = most is None or all(a.extent // 2 <= a.n - most for a in each)
    valid = all(a.extent <= a.n for a in each)
    return ["same"] * same + ["valid"] * valid


@st.composite
def cuts(draw: st.DrawFn, rings: Sequence[int]) -> Cut:
    """A band for rings at least so long."""
    shares = st.one_of(st.sampled_from([1.0, 0.5, 0.25, 0.1, 1e-9]), st.floats(1e-3, 1))
    each = st.tuples(*[shares] * len(rings))
    sizes: list[FftSize] = ["minimal", "minimal", "fast"]
    if math.prod(4 * L for L in rings) <= 64_000:  # powers of two of about twice the length
        sizes.append("reference")
    size = draw(st.sampled_from(sizes))
    statement = draw(st.sampled_from(["keep", "keep", "cutoff", "modes"]))
    if statement == "keep":
        return Cut(keep=draw(st.one_of(shares, shares, each)), fft_size=size)
    if statement == "cutoff":
        return Cut(cutoff=draw(st.one_of(shares, each)), fft_size=size)
    counts = [st.integers(1, L // 2 + 1) for L in rings]
    one = st.integers(1, min(rings) // 2 + 1)
    return Cut(modes=draw(st.one_of(one, st.tuples(*counts))), fft_size=size)
