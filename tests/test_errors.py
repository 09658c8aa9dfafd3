"""Bad inputs to the library: each an error of the right type that names what was given."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import passband as pb
from passband import functional as f
from passband.memory import saved

Call = Callable[[], object]
Row = tuple[str, Call, type[Exception], str]

HALF = pb.Band(keep=0.5)
X, W, B = torch.zeros(2, 4, 9, 8), torch.zeros(6, 4, 3, 3), torch.zeros(6)
X1, W1 = torch.zeros(2, 4, 20), torch.zeros(6, 4, 5)
X3, W3 = torch.zeros(1, 2, 5, 6, 7), torch.zeros(3, 2, 3, 3, 3)
WT = torch.zeros(4, 6, 3, 3)
ANY: Any = pb.Band
NN: Any = pb.nn
F: Any = f  # the tables break the types on purpose
NAN, INF = float("nan"), float("inf")


def conv(x: Any = X, w: Any = W, b: Any = None, **options: Any) -> Tensor:
    return f.band_conv2d(x, w, b, **({"band": HALF} | options))


def up(x: Any = X, w: Any = WT, b: Any = None, **options: Any) -> Tensor:
    return f.band_conv_transpose2d(x, w, b, **({"band": HALF} | options))


# What was given stands in the text: the last entry of each row is a part of the message.
BAND: list[Row] = [
    ("keep 0", lambda: ANY(keep=0), ValueError, "got 0"),
    ("keep above 1", lambda: ANY(keep=1.5), ValueError, "1.5"),
    ("keep as a percentage", lambda: ANY(keep=50), ValueError, "50"),
    ("keep negative", lambda: ANY(keep=-0.1), ValueError, "-0.1"),
    ("keep nan", lambda: ANY(keep=NAN), ValueError, "nan"),
    ("keep inf", lambda: ANY(keep=INF), ValueError, "inf"),
    ("keep bool", lambda: ANY(keep=True), TypeError, "True"),
    ("keep str", lambda: ANY(keep="0.5"), TypeError, "'0.5'"),
    ("keep complex", lambda: ANY(keep=0.5j), TypeError, "0.5j"),
    ("keep tensor", lambda: ANY(keep=torch.tensor(0.5)), TypeError, "tensor(0.5000)"),
    ("keep array", lambda: ANY(keep=np.array([0.5])), TypeError, "array([0.5])"),
    ("keep of an axis", lambda: ANY(keep=(0.5, 1.25)), ValueError, "1.25"),
    ("keep of an axis, str", lambda: ANY(keep=(0.5, "1")), TypeError, "'1'"),
    ("keep empty", lambda: ANY(keep=()), ValueError, "empty"),
    ("cutoff 0", lambda: ANY(cutoff=0.0), ValueError, "0.0"),
    ("cutoff above 1", lambda: ANY(cutoff=Fraction(9, 8)), ValueError, "Fraction(9, 8)"),
    ("cutoff dict", lambda: ANY(cutoff={}), TypeError, "{}"),
    ("modes 0", lambda: ANY(modes=0), ValueError, "got 0"),
    ("modes negative", lambda: ANY(modes=(3, -2)), ValueError, "-2"),
    ("modes fractional", lambda: ANY(modes=2.5), TypeError, "2.5"),
    ("modes whole float", lambda: ANY(modes=3.0), TypeError, "3.0"),
    ("modes bool", lambda: ANY(modes=True), TypeError, "True"),
    ("modes str", lambda: ANY(modes="3"), TypeError, "'3'"),
    ("modes empty", lambda: ANY(modes=()), ValueError, "empty"),
    ("energy 0", lambda: ANY(energy=0.0), ValueError, "0.0"),
    ("energy above 1", lambda: ANY(energy=95), ValueError, "95"),
    ("energy per axis", lambda: ANY(energy=(0.5, 0.5)), TypeError, "(0.5, 0.5)"),
    ("none of the four", lambda: ANY(), ValueError, "None"),
    ("two of the four", lambda: ANY(keep=0.5, modes=3), ValueError, "'modes': 3"),
    ("all of the four", lambda: ANY(keep=1, cutoff=1, modes=1, energy=0.7), ValueError, "0.7"),
    ("fft_size", lambda: ANY(keep=0.5, fft_size="huge"), ValueError, "'huge'"),
    ("fft_size number", lambda: ANY(keep=0.5, fft_size=64), ValueError, "64"),
    ("dynamic without energy", lambda: ANY(keep=0.25, dynamic=True), ValueError, "keep=0.25"),
    ("dynamic number", lambda: ANY(energy=0.5, dynamic=1), TypeError, "got 1"),
    ("modes beyond the axis", lambda: ANY(modes=6).resolve((9,)), ValueError, "modes=6"),
    (
        "modes beyond one axis",
        lambda: ANY(modes=(3, 6)).resolve((30, 9)),
        ValueError,
        "(30, 9)",
    ),
    (
        "keep of 2 for 3 axes",
        lambda: ANY(keep=(0.5, 1)).resolve((8, 8, 8)),
        ValueError,
        "2 ent",
    ),
    ("cutoff of 1 for 2", lambda: ANY(cutoff=(0.5,)).resolve((8, 8)), ValueError, "(0.5,)"),
    ("modes of 3 for 1", lambda: ANY(modes=(1, 2, 3)).resolve((8,)), ValueError, "(1, 2, 3)"),
    (
        "energy not calibrated",
        lambda: ANY(energy=0.9).resolve((8,)),
        RuntimeError,
        "energy=0.9",
    ),
    ("an axis of no points", lambda: HALF.resolve((8, 0)), ValueError, "(8, 0)"),
    ("positional", lambda: ANY(0.5), TypeError, "positional"),
    ("from a list", lambda: ANY.from_dict([("keep", 1)]), TypeError, "('keep', 1)"),
    ("from no version", lambda: ANY.from_dict({"keep": 1}), ValueError, "None"),
    ("from a version ahead", lambda: ANY.from_dict({"version": 2, "keep": 1}), ValueError, "2"),
    ("from a version as str", lambda: ANY.from_dict({"version": "1"}), ValueError, "'1'"),
    (
        "from an unknown entry",
        lambda: ANY.from_dict({"version": 1, "kept": 1}),
        ValueError,
        "kept",
    ),
    ("from nothing", lambda: ANY.from_dict({"version": 1}), ValueError, "None"),
    ("from two", lambda: ANY.from_dict({"version": 1, "keep": 1, "modes": 9}), ValueError, "9"),
    ("from a bad value", lambda: ANY.from_dict({"version": 1, "keep": 7}), ValueError, "7"),
]

CONVOLUTION: list[Row] = [
    ("rank 2", lambda: conv(X[0, 0]), RuntimeError, "(9, 8)"),
    ("rank 5", lambda: conv(X[None]), RuntimeError, "(1, 2, 4, 9, 8)"),
    ("rank for 1d", lambda: f.band_conv1d(X, W1, band=HALF), RuntimeError, "(2, 4, 9, 8)"),
    ("rank for 3d", lambda: f.band_conv3d(X3[0, 0], W3, band=HALF), RuntimeError, "(5, 6, 7)"),
    ("weight of rank 3", lambda: conv(w=W1), RuntimeError, "(6, 4, 5)"),
    ("input channels", lambda: conv(X[:, :3]), RuntimeError, "(2, 3, 9, 8)"),
    ("input channels, unbatched", lambda: conv(X[0, :3]), RuntimeError, "(1, 3, 9, 8)"),
    ("channels and groups", lambda: conv(groups=2), RuntimeError, "groups=2"),
    (
        "outputs and groups",
        lambda: conv(w=torch.zeros(5, 2, 3, 3), groups=2),
        RuntimeError,
        "(5, 2",
    ),
    ("no outputs", lambda: conv(w=W[:0]), RuntimeError, "(0, 4, 3, 3)"),
    ("transposed channels", lambda: up(w=WT[:3]), RuntimeError, "(3, 6, 3, 3)"),
    ("transposed groups", lambda: up(X[:, :3], WT[:3], groups=2), RuntimeError, "groups=2"),
    ("bias length", lambda: conv(b=B[:5]), RuntimeError, "(5,)"),
    ("bias rank", lambda: conv(b=B[:, None]), RuntimeError, "(6, 1)"),
    ("transposed bias", lambda: up(b=B[:4]), RuntimeError, "(4,)"),
    ("integers", lambda: conv(X.int(), W.int()), TypeError, "torch.int32"),
    ("bytes", lambda: conv(X.byte(), W.byte()), TypeError, "torch.uint8"),
    ("complex", lambda: conv(X.to(torch.cfloat), W.to(torch.cfloat)), TypeError, "torch.complex64"),
    ("booleans", lambda: up(X.bool(), WT.bool()), TypeError, "torch.bool"),
    ("integer input", lambda: conv(X.int()), RuntimeError, "torch.int32 and torch.float32"),
    ("complex weight", lambda: conv(w=W.to(torch.cdouble)), RuntimeError, "torch.complex128"),
    ("integer bias", lambda: conv(b=B.long()), RuntimeError, "torch.int64"),
    ("input no tensor", lambda: conv([1.0, 2.0]), TypeError, "[1.0, 2.0]"),
    ("input an array", lambda: conv(X.numpy()), TypeError, "ndarray"),
    ("weight None", lambda: conv(w=None), TypeError, "None"),
    ("bias a number", lambda: conv(b=1.5), TypeError, "1.5"),
    ("mixed dtypes", lambda: conv(w=W.double()), RuntimeError, "torch.float64"),
    ("mixed halves", lambda: conv(X.half(), W.bfloat16()), RuntimeError, "torch.bfloat16"),
    ("mixed bias", lambda: conv(b=B.half()), RuntimeError, "torch.float16"),
    ("devices", lambda: conv(w=W.to("meta")), RuntimeError, "cpu and meta"),
    ("device of the bias", lambda: conv(b=B.to("meta")), RuntimeError, "cpu and meta"),
    ("device of the input", lambda: conv(X.to("meta")), RuntimeError, "meta and cpu"),
    ("stride 0", lambda: conv(stride=0), RuntimeError, "stride is at least 1; got 0"),
    ("stride negative", lambda: conv(stride=(1, -2)), RuntimeError, "(1, -2)"),
    ("stride fractional", lambda: conv(stride=1.5), TypeError, "1.5"),
    ("stride of 3", lambda: conv(stride=(1, 1, 2)), RuntimeError, "(1, 1, 2)"),
    ("stride empty", lambda: conv(stride=()), RuntimeError, "()"),
    ("stride str", lambda: conv(stride="2"), TypeError, "'2'"),
    ("stride None", lambda: conv(stride=None), TypeError, "None"),
    ("stride bool", lambda: conv(stride=True), TypeError, "True"),
    ("padding negative", lambda: conv(padding=-1), RuntimeError, "-1"),
    ("padding fractional", lambda: conv(padding=(0.5, 1)), TypeError, "(0.5, 1)"),
    ("padding of 4", lambda: conv(padding=(1, 1, 1, 1)), RuntimeError, "(1, 1, 1, 1)"),
    ("padding word", lambda: conv(padding="full"), RuntimeError, "'full'"),
    ("padding same, stride", lambda: conv(padding="same", stride=2), RuntimeError, "(2, 2)"),
    ("padding mode", lambda: conv(padding_mode="constant"), ValueError, "'constant'"),
    ("padding mode None", lambda: conv(padding_mode=None), ValueError, "None"),
    ("transposed, padding word", lambda: up(padding="same"), TypeError, "'same'"),
    ("dilation 0", lambda: conv(dilation=0), RuntimeError, "dilation is at least 1; got 0"),
    ("dilation negative", lambda: conv(dilation=(2, -3)), RuntimeError, "(2, -3)"),
    ("dilation fractional", lambda: conv(dilation=2.5), TypeError, "2.5"),
    ("dilation of 1 axis too many", lambda: conv(dilation=[1, 2, 3]), RuntimeError, "[1, 2, 3]"),
    ("groups 0", lambda: conv(groups=0), RuntimeError, "groups is at least 1; got 0"),
    ("groups negative", lambda: conv(groups=-2), RuntimeError, "-2"),
    ("groups fractional", lambda: conv(groups=0.5), TypeError, "0.5"),
    ("output padding", lambda: up(stride=2, output_padding=2), RuntimeError, "(2, 2)"),
    ("output padding negative", lambda: up(output_padding=-1), RuntimeError, "-1"),
    ("output padding fractional", lambda: up(output_padding=0.5), TypeError, "0.5"),
    ("output padding of 3", lambda: up(output_padding=(0, 0, 0)), RuntimeError, "(0, 0, 0)"),
    ("plan", lambda: conv(plan="winograd"), ValueError, "'winograd'"),
    ("plan None", lambda: conv(plan=None), ValueError, "None"),
    ("transposed plan", lambda: up(plan="gemm"), ValueError, "'gemm'"),
    ("stride mode", lambda: conv(stride_mode="skip"), ValueError, "'skip'"),
    ("band a number", lambda: conv(band=0.5), TypeError, "0.5"),
    ("band None", lambda: conv(band=None), TypeError, "None"),
    ("band a dict", lambda: up(band={"keep": 0.5}), TypeError, "{'keep': 0.5}"),
    ("no band", lambda: ANY_CONV(X, W), TypeError, "band"),
    ("space axis empty", lambda: conv(X[..., :0], padding=2), RuntimeError, "(2, 4, 9, 0)"),
    ("transposed, axis empty", lambda: up(X[:, :, :0]), RuntimeError, "(2, 4, 0, 8)"),
    ("kernel empty", lambda: conv(w=W[..., :0]), RuntimeError, "(6, 4, 3, 0)"),
    ("kernel larger", lambda: conv(X[..., :2]), RuntimeError, "(2, 4, 9, 2)"),
    ("dilated kernel larger", lambda: conv(dilation=4, padding=0), RuntimeError, "9 samples"),
    ("transposed output empty", lambda: up(X[..., :1, :1], padding=2), RuntimeError, "(2, 2)"),
    ("reflection", lambda: conv(padding=8, padding_mode="reflect"), RuntimeError, "8"),
    ("circle", lambda: conv(padding=10, padding_mode="circular"), RuntimeError, "10"),
    ("modes beyond", lambda: conv(band=pb.Band(modes=(3, 9))), ValueError, "modes=(3, 9)"),
    ("modes beyond, transposed", lambda: up(band=pb.Band(modes=20)), ValueError, "modes=20"),
    (
        "axes of the band",
        lambda: conv(band=pb.Band(keep=(1, 1, 0.5))),
        ValueError,
        "(1.0, 1.0, 0.5)",
    ),
    ("energy", lambda: conv(band=pb.Band(energy=0.75)), RuntimeError, "energy=0.75"),
    ("energy, transposed", lambda: up(band=pb.Band(energy=0.75)), RuntimeError, "energy=0.75"),
]
ANY_CONV: Any = f.band_conv2d

POOL: list[Row] = [
    ("larger", lambda: NN.SpectralPool2d(9)(X), ValueError, "(9, 9)"),
    ("one larger", lambda: F.spectral_pool2d(X, (3, 12)), ValueError, "(3, 12)"),
    ("zero", lambda: NN.SpectralPool1d(0), ValueError, "got 0"),
    ("negative", lambda: NN.SpectralPool3d((2, 2, -1)), ValueError, "(2, 2, -1)"),
    ("fractional", lambda: NN.SpectralPool1d(2.5), TypeError, "2.5"),
    ("bool", lambda: NN.SpectralPool1d(True), TypeError, "True"),
    ("str", lambda: NN.SpectralPool2d("44"), TypeError, "'44'"),
    ("sizes of another rank", lambda: NN.SpectralPool2d((4, 4, 4)), ValueError, "(4, 4, 4)"),
    ("rank", lambda: NN.SpectralPool1d(4)(X), RuntimeError, "(2, 4, 9, 8)"),
    ("integers", lambda: F.spectral_pool2d(X.int(), 4), TypeError, "torch.int32"),
    ("complex", lambda: F.spectral_pool2d(X.to(torch.cfloat), 4), TypeError, "torch.complex64"),
    ("no tensor", lambda: F.spectral_pool1d([1.0], 4), TypeError, "list"),
    (
        "an axis of no samples",
        lambda: F.spectral_pool2d(X[..., :0], None),
        RuntimeError,
        "(2, 4, 9, 0)",
    ),
]

Conv: Any = pb.nn.BandConv2d
Transpose: Any = pb.nn.BandConvTranspose2d
LAYER: list[Row] = [
    ("neither", lambda: Conv(3, 4, 3), ValueError, "keep=None"),
    ("both", lambda: Conv(3, 4, 3, band=HALF, keep=0.25), ValueError, "keep=0.25"),
    ("keep", lambda: Conv(3, 4, 3, keep=2), ValueError, "2"),
    ("keep, transposed", lambda: Transpose(3, 4, 3, keep=NAN), ValueError, "nan"),
    ("band", lambda: Conv(3, 4, 3, band=0.5), TypeError, "0.5"),
    ("plan", lambda: Conv(3, 4, 3, keep=0.5, plan="fastest"), ValueError, "'fastest'"),
    ("stride mode", lambda: Conv(3, 4, 3, keep=0.5, stride_mode="none"), ValueError, "'none'"),
    ("option", lambda: Conv(3, 4, 3, keep=0.5, size=3), TypeError, "size"),
    ("padding mode", lambda: Conv(3, 4, 3, keep=1, padding_mode="wrap"), ValueError, "'wrap'"),
    (
        "padding mode, transposed",
        lambda: Transpose(3, 4, 3, keep=1, padding_mode="circular"),
        ValueError,
        "zeros",
    ),
    ("groups", lambda: Conv(3, 4, 3, keep=1, groups=2), ValueError, "groups"),
    ("channels in the map", lambda: Conv(3, 4, 3, keep=0.5)(X), RuntimeError, "(2, 4, 9, 8)"),
    ("kernel larger", lambda: Conv(4, 4, 10, keep=0.5)(X), RuntimeError, "10 samples"),
    ("band assigned", lambda: assigned(0.3)(X), TypeError, "0.3"),
    ("modes beyond", lambda: assigned(pb.Band(modes=7))(X), ValueError, "modes=7"),
    ("energy", lambda: assigned(pb.Band(energy=0.5))(X), RuntimeError, "calibrate_"),
    ("plan of a bad map", lambda: assigned(HALF).plan_for(X[0, 0]), RuntimeError, "(9, 8)"),
    ("plan of a bad band", lambda: assigned("half").plan_for(X), TypeError, "'half'"),
]


def assigned(band: Any) -> pb.nn.BandConv2d:
    layer = pb.nn.BandConv2d(4, 4, 3, keep=1)
    layer.band = band
    return layer


SCOPED: Any = pb.bandlimited
SAVED: Any = saved
SCOPE: list[Row] = [
    ("number", lambda: SCOPED(0.5), TypeError, "0.5"),
    ("plan", lambda: SCOPED(HALF, plan="cuda"), ValueError, "'cuda'"),
    ("function", lambda: SAVED(3), TypeError, "int"),
]

ALL = [
    pytest.param(call, error, text, id=f"{group}: {name}")
    for group, rows in (
        ("band", BAND),
        ("convolution", CONVOLUTION),
        ("pool", POOL),
        ("layer", LAYER),
        ("scope", SCOPE),
    )
    for name, call, error, text in rows
]


@pytest.mark.parametrize(("call", "error", "text"), ALL)
def test_it_is_refused_by_name(call: Call, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)) as caught:
        call()
    assert type(caught.value) is error


def test_enough_of_them() -> None:
    assert len(ALL) >= 150
