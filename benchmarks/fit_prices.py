"""Fit the prices of the cost model to measurements of this machine.

    python benchmarks/fit_prices.py [--dtype float32 bfloat16] [--device cpu] [--write]

Times random layers each way, forward and backward and forward alone, interleaved; counts their work
(`passband.functional.cost`), and finds the non-negative prices that make the estimates nearest to
the measured times in ratio. Prints how much slower than the best way the cheapest by the new prices
is, over the same layers; `--write` puts them into `src/passband/functional/prices.json`.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from scipy.optimize import nnls

from passband.band import Band
from passband.functional.convolution import convolve
from passband.functional.cost import RESOURCES, WAYS, Purpose, Way, convolution_work
from passband.functional.geometry import convolution_geometry
from passband.functional.plan import Plan, make_plan
from passband.transforms.precision import compute_dtype

PRICES = Path(__file__).parents[1] / "src/passband/functional/prices.json"
LARGEST = 2e9  # multiply-adds of the direct convolution, forward
PURPOSES: tuple[Purpose, ...] = ("training", "inference")


@dataclass(frozen=True)
class Layer:
    """A convolution to time."""

    batch: int
    inputs: int
    outputs: int
    size: tuple[int, ...]
    kernel: int
    stride: int
    groups: int
    keep: float


def layers(count: int, seed: int) -> list[Layer]:
    """Random layers, small ones and large ones, of the kinds that networks have."""
    draw = random.Random(seed)
    found: list[Layer] = []
    while len(found) < count:
        dims = draw.choice([1, 1, 2, 2, 2, 2, 3])
        n = draw.choice(
            {1: [64, 150, 512, 2048, 8192], 2: [4, 8, 14, 16, 28, 32, 56], 3: [8, 16]}[dims]
        )
        kernel = draw.choice({1: [3, 5, 8, 64, 256], 2: [3, 3, 3, 5, 7], 3: [3]}[dims])
        inputs = draw.choice([1, 3, 16, 32, 64, 128, 256, 512])
        outputs = draw.choice([1, 8, 16, 32, 64, 128, 256, 512])
        depthwise = draw.random() < 0.1
        layer = Layer(
            draw.choice([1, 4, 16, 32]), outputs if depthwise else inputs, outputs, (n,) * dims,
            kernel, draw.choice([1, 1, 2]), outputs if depthwise else 1,
            draw.choice([0.7, 0.5, 0.25, 0.1]),
        )  # fmt: skip
        work = layer.batch * layer.inputs * outputs // layer.groups * (kernel * n) ** dims
        if 1e6 < work / layer.stride**dims < LARGEST and kernel <= n:
            found.append(layer)
    return found


def plans(layer: Layer, dtype: torch.dtype, device: str, purpose: Purpose) -> dict[Way, Plan]:
    """A plan for each way."""
    dims, half = len(layer.size), layer.kernel // 2
    geometry = convolution_geometry(
        Band(keep=layer.keep), layer.size, (layer.kernel,) * dims, (layer.stride,) * dims,
        ((half, half),) * dims, (1,) * dims, layer.groups,
    )  # fmt: skip
    shape = (layer.batch, layer.inputs, layer.outputs, dtype, device, purpose)
    return {way: make_plan(geometry, way, *shape) for way in WAYS}


def measure(layer: Layer, dtype: torch.dtype, device: str, purpose: Purpose) -> dict[Way, float]:
    """Median seconds of each way."""
    training = purpose == "training"
    x = torch.randn(layer.batch, layer.inputs, *layer.size, dtype=dtype, device=device)
    taps = (layer.kernel,) * len(layer.size)
    w = torch.randn(layer.outputs, layer.inputs // layer.groups, *taps, dtype=dtype, device=device)
    x.requires_grad_(training)
    w.requires_grad_(training)
    times: dict[Way, list[float]] = {way: [] for way in WAYS}
    for repeat in range(6):
        for way, plan in plans(layer, dtype, device, purpose).items():
            start = time.perf_counter()
            with torch.set_grad_enabled(training):
                y = convolve(x, w, None, plan)
                if training:
                    torch.autograd.grad(y, (x, w), torch.ones_like(y))
            if device != "cpu":
                torch.accelerator.synchronize()
            if repeat:
                times[way].append(time.perf_counter() - start)
    return {way: median(seconds) for way, seconds in times.items()}


def counted(
    layer: Layer, dtype: torch.dtype, device: str, purpose: Purpose
) -> dict[Way, list[float]]:
    """Work of each way, in the order of the resources."""
    shape = (layer.batch, layer.inputs, layer.outputs)
    rows = {}
    for way, plan in plans(layer, dtype, device, purpose).items():
        transforms = (plan.transform, plan.filter_transform)
        itemsize = compute_dtype(dtype, plan.transform, device).itemsize
        work = convolution_work(plan.geometry, way, transforms, *shape, itemsize, purpose)
        rows[way] = [float(work[resource]) for resource in RESOURCES]
    return rows


def fit(rows: Sequence[Sequence[float]], seconds: Sequence[float]) -> dict[str, float]:
    """Non-negative prices, in nanoseconds, of least squared relative error."""
    work, times = np.array(rows), np.array(seconds) * 1e9
    scale = work.max(axis=0).clip(min=1)
    prices, _ = nnls(work / scale / times[:, None], np.ones(len(times)))
    return dict(zip(RESOURCES, (prices / scale).tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table = json.loads(PRICES.read_text())
    for name in options.dtype:
        dtype = getattr(torch, name)
        setting = [(a, p) for a in layers(options.layers, options.seed) for p in PURPOSES]
        times = [measure(layer, dtype, options.device, purpose) for layer, purpose in setting]
        work = [counted(layer, dtype, options.device, purpose) for layer, purpose in setting]
        rows = [w[way] for w in work for way in WAYS]
        found = fit(rows, [t[way] for t in times for way in WAYS])
        losses = []
        for w, t, (layer, purpose) in zip(work, times, setting, strict=True):
            cheapest = min(WAYS, key=lambda way: np.dot(w[way], list(found.values())))
            loss = t[cheapest] / min(t.values()) - 1
            losses.append(loss)
            if loss > 0.1:
                ms = {way: round(1e3 * s, 2) for way, s in t.items()}
                guess = {way: round(1e-6 * np.dot(w[way], list(found.values())), 2) for way in WAYS}
                print(f"{cheapest} +{loss:.0%} {purpose} {layer} measured {ms} estimated {guess}")
        table["prices"].setdefault(options.device, {})[name] = {
            k: float(f"{v:.4g}") for k, v in found.items()
        }
        print(name, table["prices"][options.device][name])
        print(
            f"lost on the best way: median {np.median(losses):.1%}, mean {np.mean(losses):.1%}, "
            f"more than 10 % in {np.mean(np.array(losses) > 0.1):.0%} of {len(losses)}"
        )
    if options.write:
        PRICES.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
