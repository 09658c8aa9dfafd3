"""How far each way of a band convolution is from float64, beside nn.Conv, by size, channels, depth.

    python benchmarks/accuracy.py            # the tables of docs/reference/numerics.md, in minutes
    python benchmarks/accuracy.py --quick    # small sizes alone

Errors are in units of the dtype's epsilon: the largest relative to the largest number of the
result in float64, and the root of the mean square relative to the result's. The result of the same
band in float64 is that of another way, which the tests hold against a dense matrix oracle; of keep
1 it is nn.Conv's.
"""

from __future__ import annotations

import argparse
import math

import torch
from torch import Tensor, nn

import passband as pb

WAYS = ("fft", "dft", "spatial", "fused")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SIZES = {1: (8, 64, 512, 4096, 2**14, 2**17), 2: (8, 32, 128, 512), 3: (8, 16, 32)}
QUICK = {1: (8, 512, 4096), 2: (8, 32), 3: (8,)}
DEPTHS = (1, 2, 5, 10, 20, 50)
MOST = {"dft": 4096, "fused": 4096}  # samples of an axis: matrices of as many rows
CHANNELS = (1, 8, 64)

Errors = tuple[float, float]


def errors(found: Tensor, wanted: Tensor, dtype: torch.dtype) -> Errors:
    """The largest error and the root of the mean square, in epsilons."""
    eps = torch.finfo(dtype).eps
    off = found.double() - wanted
    largest = off.abs().max() / wanted.abs().max()
    return largest.item() / eps, (off.square().mean() / wanted.square().mean()).sqrt().item() / eps


def layer(dims: int, channels: int, way: str | None, keep: float) -> nn.Module:
    """A layer that leaves the mean square of normal maps, roughly, as it is; None is nn.Conv."""
    generator = torch.Generator().manual_seed(channels)
    name, band = f"Conv{dims}d", {} if way is None else {"keep": keep, "plan": way}
    kind = getattr(nn, name) if way is None else getattr(pb.nn, f"Band{name}")
    made: nn.Module = kind(
        channels, channels, 3, padding=1, bias=False, dtype=torch.float64, **band
    )
    with torch.no_grad():
        weight = made.get_parameter("weight")
        scale = 1 / math.sqrt(channels * 3**dims)
        weight.copy_(torch.randn(weight.shape, generator=generator, dtype=torch.float64) * scale)
    return made


@torch.no_grad()
def of_layer(way: str | None, dtype: torch.dtype, dims: int, size: int, channels: int,
             keep: float) -> Errors:  # fmt: skip
    """Errors of one layer on normal maps; numbers are rounded to the dtype before both."""
    generator = torch.Generator().manual_seed(size)
    x = torch.randn(2, channels, *[size] * dims, generator=generator).to(dtype)
    ours = layer(dims, channels, way, keep).to(dtype)
    exact = layer(dims, channels, None if way is None or keep == 1 else exact_way(size), keep)
    exact.load_state_dict(ours.state_dict())
    return errors(ours(x), exact(x.double()), dtype)


def exact_way(size: int) -> str:
    """Of the result in float64."""
    return "dft" if size <= MOST["dft"] else "fft"


@torch.no_grad()
def of_depth(way: str | None, dtype: torch.dtype, depth: int, keep: float) -> Errors:
    """Errors after so many layers, each normalised, of 8 channels and maps of 32x32."""
    x = torch.randn(2, 8, 32, 32, generator=torch.Generator().manual_seed(0)).to(dtype)
    ours = layer(2, 8, way, keep).to(dtype)
    exact = layer(2, 8, None if way is None else "dft", keep)
    exact.load_state_dict(ours.state_dict())
    y, z = x, x.double()
    for _ in range(depth):
        y, z = ours(y), exact(z)
        y, z = y / y.float().square().mean().sqrt().to(dtype), z / z.square().mean().sqrt()
    return errors(y, z, dtype)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    sizes = QUICK if parser.parse_args().quick else SIZES
    print("Largest error / root mean square, in epsilons; keep 0.5, 8 channels\n")
    head = ("nn.Conv", *WAYS)
    for name, dtype in DTYPES.items():
        print(f"| {name} | {' | '.join(head)} |\n|---|{'---|' * len(head)}")
        for dims, of in sizes.items():
            for size in of:
                row = [shown(dtype, dims, size, 8, way) for way in (None, *WAYS)]
                print(f"| {dims}D, {size} | {' | '.join(row)} |", flush=True)
        print()
    print(f"| channels, 2D, 32, float32 | {' | '.join(head)} |\n|---|{'---|' * len(head)}")
    for channels in CHANNELS:
        row = [shown(torch.float32, 2, 32, channels, way) for way in (None, *WAYS)]
        print(f"| {channels} | {' | '.join(row)} |", flush=True)
    for name, dtype in DTYPES.items():
        print(f"\n| depth, {name} | {' | '.join(head)} |\n|---|{'---|' * len(head)}")
        for depth in DEPTHS:
            found = [of_depth(way, dtype, depth, 0.5) for way in (None, *WAYS)]
            print(f"| {depth} | {' | '.join(f'{a:.2g} / {b:.2g}' for a, b in found)} |", flush=True)


def shown(dtype: torch.dtype, dims: int, size: int, channels: int, way: str | None) -> str:
    """A cell of a table."""
    if way is not None and size > MOST.get(way, size):
        return "-"
    largest, mean = of_layer(way, dtype, dims, size, channels, 0.5)
    return f"{largest:.2g} / {mean:.2g}"


if __name__ == "__main__":
    main()
