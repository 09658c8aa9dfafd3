"""How long the Fourier heat map of LeNet-5 takes, beside the same number of plain forward passes.

OMP_WAIT_POLICY=passive python benchmarks/heatmap.py [--images 1000] [--size 28] [--threads 2]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time

import torch
from torch import Tensor, nn

import passband as pb
from passband.lab.models import create_model

FLOOR_BATCHES = (256, 1000)


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock, and of all threads: what others do on the machine is in the first."""

    wall: float
    cpu: float


@contextmanager
def timed(into: list[Taken]) -> Iterator[None]:
    wall, cpu = perf_counter(), process_time()
    yield
    into.append(Taken(perf_counter() - wall, process_time() - cpu))


def forward(model: nn.Module, maps: Tensor, images: int) -> None:
    """So many images in batches of one size, the same images again and again."""
    with torch.no_grad():
        for first in range(0, images, len(maps)):
            model(maps[: images - first])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=256)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = create_model("lenet5", num_classes=10, in_channels=1, image_size=options.size).eval()
    maps = torch.rand(options.images, 1, options.size, options.size)
    labels = torch.randint(10, (options.images,))
    own = 4 if options.size % 2 == 0 else 1  # frequencies that are their own mirror
    images = (options.size**2 + own) // 2 * options.images
    model(maps[:256])
    taken: list[Taken] = []
    with timed(taken):
        pb.analysis.fourier_heatmap(
            model, [(maps, labels)], norm=4.0, batch_size=options.batch_size
        )
    for batch in FLOOR_BATCHES:
        with timed(taken):
            forward(model, maps[:batch], images)
    names = ["heat map", *(f"plain forward, batches of {batch}" for batch in FLOOR_BATCHES)]
    print(f"{images} images, {options.threads} threads")
    for name, one in zip(names, taken, strict=True):
        print(
            f"{name:30} {one.wall:6.1f} s, {images / one.wall:.0f} images/s; {one.cpu:6.1f} s of "
            f"processors; the heat map takes {taken[0].cpu / one.cpu:.2f} of it"
        )


if __name__ == "__main__":
    main()
