r"""From bins to maps in one pass: the products of `analysis`, transposed and in reverse.

With X the bins (+ky, kx) and Y their mirror images (-ky, kx), zero where there is none,

.. math::
    A = \mathrm{Re}(X + Y),\; B = \mathrm{Im}(X + Y),\;
    C = \mathrm{Im}(X - Y),\; D = \mathrm{Re}(Y - X), \qquad
    x = (c_y^T A + s_y^T C)\, c_x + (c_y^T B + s_y^T D)\, s_x.
"""

from __future__ import annotations

import triton
import triton.language as tl

from passband.kernels.gpu.device.common import bases, bin_at


@triton.jit  # type: ignore[untyped-decorator]
def adjoint_kernel(
    spectrum: tl.tensor,
    maps: tl.tensor,
    rows: tl.tensor,
    columns: tl.tensor,
    channels: int,
    bin_stride: int,
    part_stride: int,
    image_stride: int,
    weight: float,
    own_ratio: float,
    H: tl.constexpr,
    W: tl.constexpr,
    ROW_MODES: tl.constexpr,
    ROW_OWN: tl.constexpr,
    COLUMN_MODES: tl.constexpr,
    COLUMN_OWN: tl.constexpr,
    LAST: tl.constexpr,
    FLAT: tl.constexpr,
    PRECISION: tl.constexpr,
    BC: tl.constexpr,
    BY: tl.constexpr,
    BX: tl.constexpr,
    KY: tl.constexpr,
    KX: tl.constexpr,
) -> None:
    """One tile of BY x BX samples of BC maps of one image.

    Args:
        spectrum: read; with these strides, and 1 between channels.
        maps: written, `(images, channels, H, W)`, channels innermost (LAST) or not.
        rows: `(2, ROW_MODES, H)`, cosines and minus sines.
        columns: `(2, COLUMN_MODES, W)`.
        channels: of an image.
        bin_stride: between bins.
        part_stride: between real and imaginary part.
        image_stride: between images.
        weight: of bins of a pair.
        own_ratio: weight of bins that are their own mirror image, over `weight`.
        H: rows of a map.
        W: columns of a map.
        ROW_MODES: mode count of the first axis.
        ROW_OWN: how many of them are their own mirror image.
        COLUMN_MODES: mode count of the last axis.
        COLUMN_OWN: how many of them are their own mirror image.
        LAST: whether channels lie innermost.
        FLAT: whether the last axis is one sample and one bin, so that there is none.
        PRECISION: of products of float32.
        BC: maps of a tile.
        BY: rows of a tile.
        BX: columns of a tile.
        KY: bins of the first axis in a step.
        KX: bins of the last axis in a step.
    """
    row_tiles: tl.constexpr = (H + BY - 1) // BY
    column_tiles: tl.constexpr = (W + BX - 1) // BX
    program = tl.program_id(0)
    x = program % column_tiles * BX + tl.arange(0, BX)
    program = program // column_tiles
    y = program % row_tiles * BY + tl.arange(0, BY)
    program = program // row_tiles
    blocks = (channels + BC - 1) // BC
    first = program % blocks * BC
    image = (program // blocks).to(tl.int64)
    c = tl.arange(0, BC)

    source = spectrum + image * image_stride + first + c[None, :, None]
    within = (first + c)[None, :, None] < channels
    dtype = rows.dtype.element_ty
    further: tl.constexpr = (ROW_MODES - ROW_OWN) * (COLUMN_MODES - COLUMN_OWN)

    out = tl.full((BY * BC, BX), 0.0, tl.float32)
    for kx0 in range(0, COLUMN_MODES, KX):
        kx1 = kx0 + tl.arange(0, KX)
        kx = kx1[:, None, None]
        of_re = tl.full((KX * BC, BY), 0.0, tl.float32)
        if not FLAT:
            of_im = tl.full((KX * BC, BY), 0.0, tl.float32)
        for ky0 in range(0, ROW_MODES, KY):
            ky1 = ky0 + tl.arange(0, KY)
            ky = ky1[None, None, :]
            at = bin_at(ky, kx, ROW_MODES, ROW_OWN, COLUMN_MODES, COLUMN_OWN).to(tl.int64)
            places = source + at * bin_stride
            inside = (ky < ROW_MODES) & (kx < COLUMN_MODES) & within
            own = (ky < ROW_OWN) & (kx < COLUMN_OWN)
            scale = tl.where(own, own_ratio, 1.0)
            plus_re = tl.load(places, mask=inside, other=0.0).to(tl.float32) * scale
            plus_im = tl.load(places + part_stride, mask=inside, other=0.0).to(tl.float32) * scale
            cos, sin = bases(rows, ky1[:, None], y[None, :], ROW_MODES, H)
            if FLAT:
                cos_re = tl.reshape(plus_re.to(dtype), (KX * BC, KY))
                sin_re = tl.reshape(plus_im.to(dtype), (KX * BC, KY))
            else:
                mirrored = inside & (ky >= ROW_OWN) & (kx >= COLUMN_OWN)
                places = source + (at + further) * bin_stride
                minus_re = tl.load(places, mask=mirrored, other=0.0).to(tl.float32)
                minus_im = tl.load(places + part_stride, mask=mirrored, other=0.0).to(tl.float32)
                cos_re = tl.reshape((plus_re + minus_re).to(dtype), (KX * BC, KY))
                cos_im = tl.reshape((plus_im + minus_im).to(dtype), (KX * BC, KY))
                sin_re = tl.reshape((plus_im - minus_im).to(dtype), (KX * BC, KY))
                sin_im = tl.reshape((minus_re - plus_re).to(dtype), (KX * BC, KY))
                of_im = tl.dot(cos_im, cos, of_im, input_precision=PRECISION)
                of_im = tl.dot(sin_im, sin, of_im, input_precision=PRECISION)
            of_re = tl.dot(cos_re, cos, of_re, input_precision=PRECISION)
            of_re = tl.dot(sin_re, sin, of_re, input_precision=PRECISION)
        if FLAT:
            out += tl.reshape(tl.trans(of_re), (BY * BC, BX))
        else:
            re, im = bases(columns, kx1[:, None], x[None, :], COLUMN_MODES, W)
            of_re = tl.permute(tl.reshape(of_re.to(dtype), (KX, BC, BY)), (2, 1, 0))
            out = tl.dot(tl.reshape(of_re, (BY * BC, KX)), re, out, input_precision=PRECISION)
            of_im = tl.permute(tl.reshape(of_im.to(dtype), (KX, BC, BY)), (2, 1, 0))
            out = tl.dot(tl.reshape(of_im, (BY * BC, KX)), im, out, input_precision=PRECISION)

    map_stride = 1 if LAST else H * W
    column_stride = channels if LAST else 1
    base = maps + image * channels * (H * W) + first.to(tl.int64) * map_stride
    places = base + y[:, None, None] * (W * column_stride) + c[None, :, None] * map_stride
    inside = (y[:, None, None] < H) & within & (x[None, None, :] < W)
    sums = tl.reshape(out, (BY, BC, BX)) * weight
    tl.store(places + x[None, None, :] * column_stride, sums.to(maps.dtype.element_ty), mask=inside)
