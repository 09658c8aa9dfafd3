r"""From maps to bins in one pass.

With the cosines and minus sines :math:`c, s` of both axes, a program computes for its tile of bins
and its block of maps

.. math:: U = X c_x^T,\; V = X s_x^T, \qquad
    A = c_y U,\; B = c_y V,\; C = s_y U,\; D = s_y V,

the first two products block by block of rows, the other four accumulated over these blocks. The
bin (+ky, kx) is then A - D + i (B + C) and the bin (-ky, kx) is A + D + i (B - C): elementwise on
accumulators that are in registers. The maps of a block are part of the long side of each product,
so that the short sides, bins of one axis, may be short.
"""

from __future__ import annotations

import triton
import triton.language as tl

from passband.kernels.gpu.device.common import bases, bin_at


@triton.jit  # type: ignore[untyped-decorator]
def analysis_kernel(
    maps: tl.tensor,
    spectrum: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    channels: int,
    bin_stride: int,
    part_stride: int,
    image_stride: int,
    turn_stride: int,
    weight: float,
    own_weight: float,
    H: tl.constexpr,
    W: tl.constexpr,
    ROW_MODES: tl.constexpr,
    ROW_OWN: tl.constexpr,
    COLUMN_MODES: tl.constexpr,
    COLUMN_OWN: tl.constexpr,
    LAST: tl.constexpr,
    TURNED: tl.constexpr,
    FLAT: tl.constexpr,
    PRECISION: tl.constexpr,
    BC: tl.constexpr,
    BY: tl.constexpr,
    BX: tl.constexpr,
    KY: tl.constexpr,
    KX: tl.constexpr,
) -> None:
    """One tile of KY x KX bins (and their mirror images) of BC maps of one image.

    Args:
        maps: `(images, channels, H, W)`, channels innermost (LAST) or not.
        spectrum: written; with these strides, and 1 between channels.
        rows: `(2, ROW_MODES, H)`, cosines and minus sines.
        columns: `(2, COLUMN_MODES, W)`.
        channels: of an image.
        bin_stride: between bins.
        part_stride: between real and imaginary part.
        image_stride: between images.
        turn_stride: from a to -i a, if TURNED.
        weight: of bins of a pair.
        own_weight: of bins that are their own mirror image.
        H: rows of a map.
        W: columns of a map.
        ROW_MODES: mode count of the first axis.
        ROW_OWN: how many of them are their own mirror image.
        COLUMN_MODES: mode count of the last axis.
        COLUMN_OWN: how many of them are their own mirror image.
        LAST: whether channels lie innermost.
        TURNED: whether to write -i a beside a.
        FLAT: whether the last axis is one sample and one bin, so that there is none.
        PRECISION: of products of float32.
        BC: maps of a tile.
        BY: rows of a step.
        BX: columns of a step.
        KY: bins of the first axis in a tile.
        KX: bins of the last axis in a tile.
    """
    row_tiles: tl.constexpr = (ROW_MODES + KY - 1) // KY
    column_tiles: tl.constexpr = (COLUMN_MODES + KX - 1) // KX
    # Programs that read the same maps are neighbours, so that the maps come from the cache.
    program = tl.program_id(0)
    kx = program % column_tiles * KX + tl.arange(0, KX)
    program = program // column_tiles
    ky = program % row_tiles * KY + tl.arange(0, KY)
    program = program // row_tiles
    blocks = (channels + BC - 1) // BC
    first = program % blocks * BC
    image = (program // blocks).to(tl.int64)
    c = tl.arange(0, BC)

    map_stride = 1 if LAST else H * W
    column_stride = channels if LAST else 1
    base = maps + image * channels * (H * W) + first.to(tl.int64) * map_stride
    within = (first + c)[None, :, None] < channels
    dtype = rows.dtype.element_ty

    x = tl.arange(0, BX)
    if not FLAT and W <= BX:
        re, im = bases(columns, kx[None, :], x[:, None], COLUMN_MODES, W)
    cos_re = tl.full((KX * BC, KY), 0.0, tl.float32)
    sin_re = tl.full((KX * BC, KY), 0.0, tl.float32)
    if not FLAT:
        cos_im = tl.full((KX * BC, KY), 0.0, tl.float32)
        sin_im = tl.full((KX * BC, KY), 0.0, tl.float32)
    for y0 in range(0, H, BY):
        y = y0 + tl.arange(0, BY)
        lines = base + y[:, None, None] * (W * column_stride) + c[None, :, None] * map_stride
        known = (y[:, None, None] < H) & within
        if FLAT:
            of_re = tl.trans(tl.reshape(tl.load(lines, mask=known, other=0.0), (BY, BC)).to(dtype))
        else:
            if W <= BX:
                places = lines + x[None, None, :] * column_stride
                tile = tl.load(places, mask=known & (x[None, None, :] < W), other=0.0)
                tile = tl.reshape(tile, (BY * BC, BX)).to(dtype)
                of_re = tl.dot(tile, re, input_precision=PRECISION)
                of_im = tl.dot(tile, im, input_precision=PRECISION)
            else:
                of_re = tl.full((BY * BC, KX), 0.0, tl.float32)
                of_im = tl.full((BY * BC, KX), 0.0, tl.float32)
                for x0 in range(0, W, BX):
                    at = x0 + x
                    places = lines + at[None, None, :] * column_stride
                    tile = tl.load(places, mask=known & (at[None, None, :] < W), other=0.0)
                    tile = tl.reshape(tile, (BY * BC, BX)).to(dtype)
                    re, im = bases(columns, kx[None, :], at[:, None], COLUMN_MODES, W)
                    of_re = tl.dot(tile, re, of_re, input_precision=PRECISION)
                    of_im = tl.dot(tile, im, of_im, input_precision=PRECISION)
            of_re = tl.permute(tl.reshape(of_re.to(dtype), (BY, BC, KX)), (2, 1, 0))
            of_re = tl.reshape(of_re, (KX * BC, BY))
            of_im = tl.permute(tl.reshape(of_im.to(dtype), (BY, BC, KX)), (2, 1, 0))
            of_im = tl.reshape(of_im, (KX * BC, BY))
        cos, sin = bases(rows, ky[None, :], y[:, None], ROW_MODES, H)
        cos_re = tl.dot(of_re, cos, cos_re, input_precision=PRECISION)
        sin_re = tl.dot(of_re, sin, sin_re, input_precision=PRECISION)
        if not FLAT:
            cos_im = tl.dot(of_im, cos, cos_im, input_precision=PRECISION)
            sin_im = tl.dot(of_im, sin, sin_im, input_precision=PRECISION)

    kx = kx[:, None, None]
    ky = ky[None, None, :]
    own = (ky < ROW_OWN) & (kx < COLUMN_OWN)
    scale = tl.where(own, own_weight, weight)
    at = bin_at(ky, kx, ROW_MODES, ROW_OWN, COLUMN_MODES, COLUMN_OWN).to(tl.int64)
    out = spectrum + image * image_stride + first + at * bin_stride + c[None, :, None]
    inside = (ky < ROW_MODES) & (kx < COLUMN_MODES) & within
    if FLAT:
        plus_re, plus_im = cos_re, sin_re
    else:
        plus_re, plus_im = cos_re - sin_im, cos_im + sin_re
    plus_re = tl.reshape(plus_re, (KX, BC, KY)) * scale
    plus_im = tl.reshape(plus_im, (KX, BC, KY)) * scale
    wanted = spectrum.dtype.element_ty
    tl.store(out, plus_re.to(wanted), mask=inside)
    tl.store(out + part_stride, plus_im.to(wanted), mask=inside)
    if TURNED:
        tl.store(out + turn_stride, plus_im.to(wanted), mask=inside)
        tl.store(out + part_stride + turn_stride, (-plus_re).to(wanted), mask=inside)
    if not FLAT:
        mirrored = inside & (ky >= ROW_OWN) & (kx >= COLUMN_OWN)
        further: tl.constexpr = (ROW_MODES - ROW_OWN) * (COLUMN_MODES - COLUMN_OWN)
        out = (
            spectrum + image * image_stride + first + (at + further) * bin_stride + c[None, :, None]
        )
        minus_re = tl.reshape(cos_re + sin_im, (KX, BC, KY)) * weight
        minus_im = tl.reshape(cos_im - sin_re, (KX, BC, KY)) * weight
        tl.store(out, minus_re.to(wanted), mask=mirrored)
        tl.store(out + part_stride, minus_im.to(wanted), mask=mirrored)
        if TURNED:
            tl.store(out + turn_stride, minus_im.to(wanted), mask=mirrored)
            tl.store(out + part_stride + turn_stride, (-minus_re).to(wanted), mask=mirrored)
