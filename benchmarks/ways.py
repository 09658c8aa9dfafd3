"""Forward and backward of single layers, each way and `nn.Conv`, interleaved in one process.

    python benchmarks/ways.py [--threads 2] [--repeats 7]

One row a layer and keep: the time of `nn.Conv`, the ratio `nn.Conv` / ours for each way (above 1 we
are faster), which way `plan="auto"` takes, and how much slower than the best way that is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

import passband as pb

# name, layer, input
LAYERS: list[tuple[str, Callable[[], nn.Module], tuple[int, ...]]] = [
    ("LeNet conv1", lambda: nn.Conv2d(1, 6, 5, padding=2), (32, 1, 28, 28)),
    ("LeNet conv2", lambda: nn.Conv2d(6, 16, 5), (32, 6, 14, 14)),
    ("FCN conv1", lambda: nn.Conv1d(1, 128, 8, padding=4), (16, 1, 150)),
    ("FCN conv2", lambda: nn.Conv1d(128, 256, 5, padding=2), (16, 128, 150)),
    ("FCN conv3", lambda: nn.Conv1d(256, 128, 3, padding=1), (16, 256, 150)),
    ("ResNet 64ch 32x32", lambda: nn.Conv2d(64, 64, 3, padding=1), (32, 64, 32, 32)),
    ("ResNet 64ch stride 2", lambda: nn.Conv2d(64, 128, 3, 2, 1), (32, 64, 32, 32)),
    ("ResNet 128ch 16x16", lambda: nn.Conv2d(128, 128, 3, padding=1), (32, 128, 16, 16)),
    ("ResNet 256ch 8x8", lambda: nn.Conv2d(256, 256, 3, padding=1), (32, 256, 8, 8)),
    ("ResNet 512ch 4x4", lambda: nn.Conv2d(512, 512, 3, padding=1), (32, 512, 4, 4)),
    ("7x7 64ch 28x28", lambda: nn.Conv2d(64, 64, 7, padding=3), (16, 64, 28, 28)),
    ("depthwise 7x7", lambda: nn.Conv2d(64, 64, 7, padding=3, groups=64), (16, 64, 28, 28)),
    ("1D k=256", lambda: nn.Conv1d(32, 32, 256, padding=128), (8, 32, 4096)),
    ("3D 16ch 16^3", lambda: nn.Conv3d(16, 16, 3, padding=1), (4, 16, 16, 16, 16)),
]
WAYS = ("fft", "dft", "spatial")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--keep", type=float, nargs="+", default=[0.5, 0.25, 0.1])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        "ratio nn.Conv / ours: above 1 ours is faster; auto: the plan's choice (lost on the best)"
    )
    print(f"{'layer':22} keep  nn.Conv ms   " + "  ".join(f"{w:>7}" for w in WAYS) + "  auto")
    for name, make, shape in LAYERS:
        for keep in options.keep:
            print(row(name, make, shape, keep, options.repeats), flush=True)


def row(
    name: str, make: Callable[[], nn.Module], shape: tuple[int, ...], keep: float, repeats: int
) -> str:
    torch.manual_seed(0)
    x = torch.randn(shape, requires_grad=True)
    plain = make()
    runs = {"plain": plain}
    for way in WAYS:
        runs[way] = make()
        pb.convert_(runs[way], pb.Band(keep=keep), plan=way)
    times: dict[str, list[float]] = {way: [] for way in runs}
    for repeat in range(repeats + 2):
        for way, layer in runs.items():
            seconds = step(layer, x)
            if repeat >= 2:
                times[way].append(seconds)
    middle = {way: median(t) for way, t in times.items()}
    auto = make()
    pb.convert_(auto, pb.Band(keep=keep))
    chosen = auto.plan_for(x).way  # type: ignore[operator]
    best = min(middle[way] for way in WAYS)
    ratios = "  ".join(f"{middle['plain'] / middle[way]:7.2f}" for way in WAYS)
    loss = middle[chosen] / best - 1
    return f"{name:22} {keep:<5} {1e3 * middle['plain']:8.2f}     {ratios}  {chosen} (+{loss:.0%})"


def step(layer: nn.Module, x: Tensor) -> float:
    start = time.perf_counter()
    y = layer(x)
    torch.autograd.grad(y.sum(), [x, *layer.parameters()])
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
