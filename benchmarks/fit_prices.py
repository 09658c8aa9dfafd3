"""Fit the prices of the cost model to measurements of this machine.

    python benchmarks/fit_prices.py [--dtype float32 bfloat16] [--data FILE] [--write]

Times random layers in each way that there is, forward and backward, forward alone and forward with
what is kept of a frozen weight, interleaved; counts their work (`passband.functional.cost`), and
finds the non-negative prices that make the estimates nearest to the measured times in ratio. Prints
how much slower than the best way the cheapest by the new prices is, over the same layers; `--write`
puts them into `src/passband/functional/prices.json`.

Measuring is slow, fitting is not. `--data` names a file that gets each measurement as soon as it is
made. What it has is not measured again: a run that was stopped goes on where it was, one with more
`--layers` measures those that are new, one with `--layers 0` only fits. Everything in the file that
is of the same device, dtype and number of threads is fitted; work is counted anew each time, so a
changed cost model needs no new measurements, but changed kernels, or a change of what is measured,
need a new file.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from scipy.optimize import nnls

from passband.atomic import write_atomic
from passband.band import Band
from passband.functional.convolution import convolve, ready
from passband.functional.cost import RESOURCES, Purpose, Shape, Way, convolution_work
from passband.functional.geometry import Geometry, convolution_geometry
from passband.functional.plan import Plan, make_plan, ways
from passband.lab.bench.grid import RESNET18
from passband.nn.frozen import Frozen
from passband.transforms.fourier import Transform
from passband.transforms.precision import compute_dtype

PRICES = Path(__file__).parents[1] / "src/passband/functional/prices.json"
LARGEST = 2e9  # multiply-adds of the direct convolution, forward
ON_GPU = 16  # times the samples: of few it would tell how long a kernel takes to start
PURPOSES: tuple[Purpose, ...] = ("training", "inference", "frozen")
ROUNDS, MOST = 5, 20  # timed turns of each way, and on a machine that does other things meanwhile
LEAST, SLOW = 2e-3, 2.0  # seconds of a turn at least; from so many on one turn is enough
CALM, PATIENCE = 1.2, 8.0  # median over least time at most; seconds after which there is no more


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

    @property
    def geometry(self) -> Geometry:
        """Padded by half its kernel."""
        dims, half = len(self.size), self.kernel // 2
        return convolution_geometry(
            Band(keep=self.keep), self.size, (self.kernel,) * dims, (self.stride,) * dims,
            ((half, half),) * dims, (1,) * dims, self.groups,
        )  # fmt: skip

    @property
    def usual(self) -> bool:
        """Whether it is of the kind that most layers of real networks are."""
        few = min(self.inputs, self.outputs) < 16
        return (len(self.size), self.kernel, self.groups) == (2, 3, 1) and not few


@dataclass(frozen=True)
class Setting:
    """What is timed."""

    layer: Layer
    purpose: Purpose
    dtype: str
    device: str
    threads: int


@dataclass(frozen=True)
class Measured:
    """Seconds of each way, and the transforms of maps and of filters that it took."""

    seconds: dict[Way, float]
    transforms: dict[Way, tuple[Transform, Transform]]


def layers(count: int, seed: int) -> list[Layer]:
    """Random layers: two of three as in networks, others of every kind; and a tenth more stems.

    And those of ResNet-18.
    """
    if not count:
        return []
    kinds = [_any if i % 3 == 2 else _usual for i in range(count)]
    stems = [_stem] * math.ceil(count / 10)
    known = [
        Layer(32, inputs, outputs, (n, n), 3, stride, 1, keep)
        for inputs, outputs, n, stride in RESNET18
        for keep in (0.5, 0.25, 0.1)
    ]
    return [*_drawn(kinds, seed), *_drawn(stems, seed), *known]


def _drawn(kinds: Sequence[Callable[[random.Random], Layer]], seed: int) -> list[Layer]:
    """One layer of each kind, of some work."""
    draw = random.Random(seed)
    found: list[Layer] = []
    while len(found) < len(kinds):
        layer = kinds[len(found)](draw)
        work = layer.batch * layer.inputs * layer.outputs // layer.groups
        work *= math.prod(layer.kernel * n // layer.stride for n in layer.size)
        fits = 1e6 < work < LARGEST and layer.kernel <= layer.size[0]
        if fits and not layer.geometry.full:
            found.append(layer)
    return found


def _usual(draw: random.Random) -> Layer:
    """3x3, the more channels the smaller the map."""
    n, inputs = 1, 1
    while not 256 <= n * inputs <= 4096:
        n = draw.choice([4, 7, 8, 14, 16, 28, 32, 56])
        inputs = draw.choice([16, 32, 64, 128, 256, 512])
    stride = draw.choice([1, 1, 1, 2])
    outputs = min(512, inputs * draw.choice([1, stride]))
    batch, keep = draw.choice([1, 8, 32, 64]), draw.choice([0.7, 0.5, 0.25, 0.1])
    return Layer(batch, inputs, outputs, (n, n), 3, stride, 1, keep)


def _stem(draw: random.Random) -> Layer:
    """The first layer of a network."""
    n, (kernel, stride) = draw.choice([28, 32, 56, 112]), draw.choice([(3, 1), (5, 1), (7, 2)])
    inputs, outputs = draw.choice([1, 3]), draw.choice([6, 16, 32, 64])
    batch, keep = draw.choice([1, 8, 32]), draw.choice([0.7, 0.5, 0.25, 0.1])
    return Layer(batch, inputs, outputs, (n, n), kernel, stride, 1, keep)


def _any(draw: random.Random) -> Layer:
    dims = draw.choice([1, 1, 2, 2, 2, 2, 3])
    n = draw.choice(
        {1: [64, 150, 512, 2048, 8192], 2: [4, 8, 14, 16, 28, 32, 56], 3: [8, 16]}[dims]
    )
    kernel = draw.choice({1: [3, 5, 8, 64, 256], 2: [1, 3, 5, 7], 3: [3]}[dims])
    inputs = draw.choice([1, 3, 16, 32, 64, 128, 256, 512])
    outputs = draw.choice([1, 8, 16, 32, 64, 128, 256, 512])
    depthwise = draw.random() < 0.2
    return Layer(
        draw.choice([1, 4, 16, 32]), outputs if depthwise else inputs, outputs, (n,) * dims,
        kernel, draw.choice([1, 1, 2]), outputs if depthwise else 1,
        draw.choice([0.7, 0.5, 0.25, 0.1]),
    )  # fmt: skip


def plans(setting: Setting) -> dict[Way, Plan]:
    """A plan for each way that there is."""
    layer, dtype = setting.layer, getattr(torch, setting.dtype)
    geometry = layer.geometry
    shape = layer.batch, layer.inputs, layer.outputs, dtype, setting.device, setting.purpose
    return {way: make_plan(geometry, way, *shape) for way in ways(geometry, dtype, setting.device)}


def measure(setting: Setting) -> Measured:
    """Time each way in turns: more of them while they differ, one alone of what takes seconds."""
    layer, training = setting.layer, setting.purpose == "training"
    noise = partial(torch.randn, device=setting.device, requires_grad=training)
    x = noise(layer.batch, layer.inputs, *layer.size, dtype=getattr(torch, setting.dtype))
    taps = (layer.kernel,) * len(layer.size)
    w = noise(layer.outputs, layer.inputs // layer.groups, *taps)  # float32, as under autocast
    mine = plans(setting)

    def run_of(plan: Plan) -> Callable[[], object]:
        if setting.purpose == "frozen":
            with torch.no_grad():
                frozen = ready(x, w, None, plan, Frozen().spectra)
            return partial(torch.no_grad()(frozen), x)

        def run() -> None:
            with torch.set_grad_enabled(training):
                y = convolve(x, w, None, plan)
            if training:
                torch.autograd.grad(y, (x, w), torch.ones_like(y))

        return run

    runs = {way: run_of(plan) for way, plan in mine.items()}
    first = {way: seconds(run, 1, setting.device) for way, run in runs.items()}  # fills caches
    samples: dict[Way, list[float]] = {way: [] for way in runs}
    start = time.perf_counter()
    for number in range(MOST):
        if number >= ROUNDS:
            calm = all(median(each) < CALM * min(each) for each in samples.values())
            if calm or time.perf_counter() - start > PATIENCE:
                break
        for way, run in runs.items():
            if number == 0 or first[way] <= SLOW:
                times = math.ceil(min(20.0, LEAST / first[way]))
                samples[way].append(seconds(run, times, setting.device))
    return Measured(
        {way: min(samples[way]) for way in runs},  # what disturbs can only add
        {way: (plan.transform, plan.filter_transform) for way, plan in mine.items()},
    )


def seconds(run: Callable[[], object], times: int, device: str) -> float:
    """Of one call, when so many follow one another."""
    start = time.perf_counter()
    for _ in range(times):
        run()
    if device != "cpu":
        torch.accelerator.synchronize()
    return (time.perf_counter() - start) / times


def counted(setting: Setting, measured: Measured) -> dict[Way, list[float]]:
    """Work of each way as it was measured, in the order of the resources."""
    layer, dtype, rows = setting.layer, getattr(torch, setting.dtype), {}
    shape = layer.batch, layer.inputs, layer.outputs
    for way, transforms in measured.transforms.items():
        itemsize = compute_dtype(dtype, transforms[0], setting.device).itemsize
        of = Shape(*shape, itemsize, setting.device == "cpu")
        work = convolution_work(layer.geometry, way, transforms, of, setting.purpose)
        rows[way] = [float(work[resource]) for resource in RESOURCES]
    return rows


def fit(rows: Sequence[Sequence[float]], times: Sequence[float]) -> dict[str, float]:
    """Non-negative prices, in nanoseconds, of least squared relative error.

    Of what does no work in any row there is no price.
    """
    work, wanted = np.array(rows), np.array(times) * 1e9
    scale = work.max(axis=0).clip(min=1)
    found, _ = nnls(work / scale / wanted[:, None], np.ones(len(wanted)))
    fitted = dict(zip(RESOURCES, (found / scale).tolist(), strict=True))
    used = set(np.array(RESOURCES)[work.any(axis=0)])
    return {name: float(f"{price:.4g}") for name, price in fitted.items() if name in used}


def read(path: Path | None) -> dict[Setting, Measured]:
    """The measurements of a file; later ones replace earlier ones."""
    known = {}
    for line in path.read_text().splitlines() if path is not None and path.exists() else ():
        entry: dict[str, Any] = json.loads(line)
        layer = entry["layer"]
        setting = Setting(
            Layer(**layer | {"size": tuple(layer["size"])}),
            *(entry[name] for name in ("purpose", "dtype", "device", "threads")),
        )
        transforms = {way: (pair[0], pair[1]) for way, pair in entry["transforms"].items()}
        known[setting] = Measured(entry["seconds"], transforms)
    return known


def measure_all(
    wanted: Sequence[Setting], known: dict[Setting, Measured], path: Path | None
) -> None:
    """Measure those that are not known in all the ways there are."""
    new = [s for s in wanted if s not in known or set(known[s].seconds) != set(plans(s))]
    for number, setting in enumerate(new, 1):
        print(f"{number}/{len(new)} {setting}", file=sys.stderr)
        known[setting] = measure(setting)
        if path is not None:
            lines = (json.dumps(asdict(s) | asdict(m)) + "\n" for s, m in known.items())
            write_atomic(path, "".join(lines))


def losses(
    known: dict[Setting, Measured], prices: dict[str, float], *, tell: bool
) -> dict[Setting, float]:
    """By how much the way that is cheapest by these prices is slower than the fastest one."""
    found = {}
    for setting, measured in known.items():
        times = measured.seconds
        work = counted(setting, measured)
        guess = {
            way: 1e-9 * sum(prices.get(r, 0.0) * n for r, n in zip(RESOURCES, row, strict=True))
            for way, row in work.items()
        }
        cheapest = min(guess, key=guess.__getitem__)
        loss = found[setting] = times[cheapest] / min(times.values()) - 1
        if tell and loss > 0.1:
            told = (" ".join(f"{w} {1e3 * s:.3g}" for w, s in a.items()) for a in (times, guess))
            print(
                f"{cheapest} +{loss:.0%} {setting.purpose} {setting.layer}: measured "
                f"{next(told)}, estimated {next(told)} ms"
            )
    return found


def summary(found: Iterable[float]) -> str:
    """Losses in words."""
    each = np.array(list(found))
    return (
        f"median {np.median(each):.1%}, mean {np.mean(each):.1%}, more than 10 % in "
        f"{np.mean(each > 0.1):.0%} of {len(each)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=90)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="measurements: read, and added to")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table = json.loads(PRICES.read_text())
    everything = read(options.data)
    of_device = table["prices"].setdefault(options.device, {})
    for name in options.dtype:
        place = name, options.device, options.threads
        drawn = layers(options.layers, options.seed)
        if options.device != "cpu":
            drawn = [replace(layer, batch=ON_GPU * layer.batch) for layer in drawn]
        wanted = [Setting(layer, purpose, *place) for layer in drawn for purpose in PURPOSES]
        measure_all(wanted, everything, options.data)
        known = {s: m for s, m in everything.items() if (s.dtype, s.device, s.threads) == place}
        if not known:
            raise SystemExit(f"nothing measured in {name} with {options.threads} threads")
        rows, times = [], []
        for setting, measured in known.items():
            for way, row in counted(setting, measured).items():
                rows.append(row)
                times.append(measured.seconds[way])
        before = of_device.get(name, {})
        # What was not measured, say for want of compiled kernels, keeps its price.
        of_device[name] = before | fit(rows, times)
        print(name, of_device[name])
        lost = losses(known, of_device[name], tell=True)
        print(f"{name}: auto's loss on the best way")
        if before:
            print(
                f"  by the prices until now: {summary(losses(known, before, tell=False).values())}"
            )
        print(f"  by these: {summary(lost.values())}")
        for what, mine in (
            ("usual layers", [loss for s, loss in lost.items() if s.layer.usual]),
            *((p, [loss for s, loss in lost.items() if s.purpose == p]) for p in PURPOSES),
        ):
            if mine:
                print(f"    {what}: {summary(mine)}")
    if options.write:
        write_atomic(PRICES, json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
