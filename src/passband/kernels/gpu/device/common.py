"""What both directions share: where a bin lies, and the matrices of an axis.

Only builtins of the language are used, none of its library written in itself: then the interpreter
can be turned on after Triton was imported by somebody else.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator]
def bin_at(
    ky: tl.tensor,
    kx: tl.tensor,
    ROW_MODES: tl.constexpr,
    ROW_OWN: tl.constexpr,
    COLUMN_MODES: tl.constexpr,
    COLUMN_OWN: tl.constexpr,
) -> tl.tensor:
    """Place of the bin (+ky, kx) in the order of `bins.frequencies`.

    The blocks are own x own', own x rest', pairs x own', +pairs x rest', -pairs x rest'; so the bin
    (-ky, kx) of a pair lies pairs x rest' further.
    """
    rest: tl.constexpr = COLUMN_MODES - COLUMN_OWN
    edge: tl.constexpr = ROW_OWN * COLUMN_MODES
    pairs: tl.constexpr = edge + (ROW_MODES - ROW_OWN) * COLUMN_OWN
    alone = ky * COLUMN_OWN + kx + tl.where(ky < ROW_OWN, 0, edge - ROW_OWN * COLUMN_OWN)
    start = tl.where(ky < ROW_OWN, ROW_OWN * COLUMN_OWN, pairs - ROW_OWN * rest)
    return tl.where(kx < COLUMN_OWN, alone, start + ky * rest + kx - COLUMN_OWN)


@triton.jit  # type: ignore[untyped-decorator]
def bases(
    matrix: tl.tensor,
    frequency: tl.tensor,
    sample: tl.tensor,
    MODES: tl.constexpr,
    SAMPLES: tl.constexpr,
) -> tuple[tl.tensor, tl.tensor]:
    """A tile of an axis's cosines and minus sines, from `(2, modes, samples)`.

    `frequency` and `sample` broadcast to the tile; what lies outside is zero.
    """
    inside = (frequency < MODES) & (sample < SAMPLES)
    place = matrix + frequency * SAMPLES + sample
    cos = tl.load(place, mask=inside, other=0.0)
    sin = tl.load(place + MODES * SAMPLES, mask=inside, other=0.0)
    return cos, sin
