"""The Triton kernels of `passband.kernels` on a CUDA machine: transforms and whole layers.

    python benchmarks/kernels.py [--batch 128] [--dtype bfloat16] [--only 56 28]

For the 3x3 layers of ResNet-50 at 224 pixels, channels last, at keep .5 and .25: both directions of
the transform by kernel and by PyTorch (`transforms.fourier.dft`), beside a copy of the map, which
is what memory allows; then analysis, product and adjoint beside cuDNN's convolution. Medians of
rounds in which all take turns; each call finds its map in memory, not in the cache.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from passband import Band
from passband.functional.product import multiply_back
from passband.kernels import gpu as kernels
from passband.transforms.fourier import Axis, Grid, dft

LAYERS = ((64, 56), (128, 28), (256, 14), (512, 7))
KEEPS = (0.5, 0.25)
FLUSHED = 256 << 20  # bytes, several times what a cache holds
DELAY = 4_000_000  # cycles, milliseconds in which a call is queued before the device starts it
Timed = dict[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--dtype", choices=["bfloat16", "float16", "float32"], default="bfloat16")
    parser.add_argument("--only", type=int, nargs="*", help="map sizes")
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("no CUDA device")
        return
    if not kernels.available("cuda"):
        print("no Triton, or a GPU that is too old")
        return
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {arguments.dtype}")
    print(f"batch {arguments.batch}, channels last; microseconds, and error where ours")
    torch.backends.cudnn.benchmark = True
    for channels, size in LAYERS:
        if arguments.only and size not in arguments.only:
            continue
        for keep in KEEPS:
            dtype = getattr(torch, arguments.dtype)
            layer(channels, size, keep, arguments.batch, dtype, arguments.rounds)


@torch.no_grad()
def layer(
    channels: int, size: int, keep: float, batch: int, dtype: torch.dtype, rounds: int
) -> None:
    modes = Band(keep=keep).resolve([size + 1] * 2)
    axes = tuple(Axis(size + 1, m, Grid(0, 1, size)) for m in modes)
    taps = tuple(axis.on(Grid(-1, 1, 3)) for axis in axes)
    x = torch.randn(batch, channels, size, size, device="cuda", dtype=dtype)
    x = x.to(memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3, device="cuda", dtype=dtype) / channels
    spectrum = kernels.analysis(x, axes, "parseval")
    computed = spectrum.dtype
    exact = dft.analysis(x.double(), axes, "parseval")
    print(f"\n{channels} channels, {size}x{size}, keep {keep}, modes {modes}")
    print(f"  analysis error {relative(spectrum, exact):.1e}", end=", ")
    back = kernels.adjoint(spectrum, axes, "parseval", last=True)
    exact = dft.adjoint(spectrum.double(), axes, "parseval", last=True)
    print(f"adjoint error {relative(back, exact):.1e}")
    del exact

    # The taps' spectra as they are: the product with a conjugate is a cross-correlation.
    filters = dft.analysis(weight.transpose(0, 1).to(computed), taps, "none").contiguous()

    def banded() -> Tensor:
        t = kernels.analysis(x, axes, "parseval", layout="turned")
        z = multiply_back(t, filters, 1)
        return kernels.adjoint(z, axes, "parseval", last=True, dtype=dtype)

    def plain() -> Tensor:
        return F.conv2d(x, weight, padding=1)

    show(
        {
            "copy of the map": x.clone,
            "analysis, kernel": lambda: kernels.analysis(x, axes, "parseval"),
            "analysis, kernel, turned": lambda: kernels.analysis(
                x, axes, "parseval", layout="turned"
            ),
            "analysis, PyTorch": lambda: dft.analysis(x.to(computed), axes, "parseval"),
            "adjoint, kernel": lambda: kernels.adjoint(
                spectrum, axes, "parseval", last=True, dtype=dtype
            ),
            "adjoint, PyTorch": lambda: dft.adjoint(spectrum, axes, "parseval", last=True).to(
                dtype
            ),
            "layer, kernels": banded,
            "layer, cuDNN": plain,
        },
        rounds,
    )


def relative(actual: Tensor, expected: Tensor) -> float:
    return float((actual.double() - expected).norm() / expected.norm())


def show(timed: Timed, rounds: int) -> None:
    flush = torch.empty(FLUSHED, dtype=torch.int8, device="cuda")
    for run in timed.values():
        for _ in range(3):
            run()
    times: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, run in timed.items():
            flush.zero_()
            torch.cuda._sleep(DELAY)  # type: ignore[no-untyped-call]
            start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            start.record()
            run()
            end.record()
            end.synchronize()
            times[name].append(1e3 * start.elapsed_time(end))
    for name, found in times.items():
        low, _, high = statistics.quantiles(found, n=4)
        print(f"  {name:<26} {statistics.median(found):8.1f}  ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
