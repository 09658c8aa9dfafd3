"""Where a training step of ResNet-18 goes: what passband's kernels take of it.

    python benchmarks/profile_step.py [--keep .5 .25 .1] [--batch 32] [--steps 10] [--threads 2]

On a CPU with compiled kernels, float32, 32x32 images.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

import passband as pb
from passband.kernels.cpu import product, transform
from passband.lab.models import create_model

PARTS = {
    "products": (product, "_multiply"),
    "weights' gradients": (product, "multiply_across"),
    "transforms": (transform, "analysis", "adjoint"),
}


def step_of(keep: float, batch: int) -> Callable[[], None]:
    """A step of the network with its convolutions band-limited."""
    torch.manual_seed(0)
    model = create_model("resnet18", num_classes=10, in_channels=3)
    pb.convert_(model, pb.Band(keep=keep))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, y = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def profile(step: Callable[[], None], steps: int) -> dict[str, float]:
    """Seconds of a step, in all and by parts."""
    for _ in range(3):
        step()
    profiler, start = cProfile.Profile(), time.perf_counter()
    with profiler:
        for _ in range(steps):
            step()
    seconds = {"step": (time.perf_counter() - start) / steps}
    functions = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    for part, (module, *names) in PARTS.items():
        seconds[part] = sum(
            cumulative / steps
            for (file, _, name), (_, _, _, cumulative, _) in functions.items()
            if file == module.__file__ and name in names
        )
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", nargs="+", type=float, default=[0.5, 0.25, 0.1])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for keep in options.keep:
        whole, *parts = profile(step_of(keep, options.batch), options.steps).items()
        rest = whole[1] - sum(seconds for _, seconds in parts)
        shares = (f"{name} {s / whole[1]:.0%}" for name, s in [*parts, ("rest", rest)])
        print(f"keep {keep}: {1e3 * whole[1]:.0f} ms; {', '.join(shares)}")


if __name__ == "__main__":
    main()
