"""SpecNet's networks beside their plain forms: a step's time, and bytes held for backward.

    python benchmarks/specnet.py [--model spec_vgg16_bn …] [--density .15] [--batch 32]

Each network trains on random images beside its plain form in both memory formats, all taking turns,
its thresholds set so that each keeps `--density` of its coefficients; the ratio is the median over
that of the faster plain one. Then what one packed map takes beside a dense one.
"""

from __future__ import annotations

import argparse

import torch

import passband as pb
from passband.lab import models
from passband.lab.bench.machine import prepared
from passband.lab.bench.steps import training_step
from passband.lab.bench.timing import interleaved

MODELS = ("spec_lenet5", "spec_lenet5_bn", "spec_vgg16", "spec_vgg16_bn",
          "spec_densenet", "spec_densenet_bn")  # fmt: skip
SAMPLES = {"lenet5": (1, 28, 28)}
MAPS = ((64, 32, 0.1), (64, 32, 0.5), (64, 32, 0.15))  # channels, side, density


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", nargs="*", default=MODELS)
    parser.add_argument("--density", type=float, default=0.15)
    parser.add_argument("--store", default="exact", choices=["exact", "bfloat16", "int8"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {options.threads} threads, batch {options.batch}, "
          f"density {options.density:g}, store {options.store}")  # fmt: skip
    print("network            step ms  plain ms  ÷ plain   held MiB   plain MiB   ÷ plain")
    with prepared(options.threads):
        for name in options.model:
            network(name, options)
    print("\na map of            density   packed ÷ dense   by store")
    for channels, side, density in MAPS:
        packed_map(channels, side, density)


def network(name: str, options: argparse.Namespace) -> None:
    plain = models.plain_form(name)
    shape = SAMPLES.get(plain, (3, 32, 32))
    x = torch.randn(options.batch, *shape, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    sizes = {"num_classes": 10, "in_channels": shape[0]}
    spectral = models.create_model(name, **sizes, store=options.store)
    pb.calibrate_beta_(spectral, [x], options.density)
    last = models.create_model(plain, **sizes).to(memory_format=torch.channels_last)
    steps = {
        "plain": training_step(models.create_model(plain, **sizes), x, torch.float32),
        "last": training_step(last, x.to(memory_format=torch.channels_last), torch.float32),
        "spectral": training_step(spectral, x, torch.float32),
    }
    held = {}
    for who, step in steps.items():
        assert step.forward is not None
        held[who] = pb.memory.saved(step.forward).total
    runs = {who: step.run for who, step in steps.items()}
    seconds = interleaved(runs, options.repeats, torch.device("cpu"))
    ours, faster = seconds["spectral"].median, min(seconds[who].median for who in ("plain", "last"))
    print(f"{name:17} {1e3 * ours:8.1f} {1e3 * faster:9.1f} {ours / faster:8.2f} "
          f"{held['spectral'] / 2**20:10.2f} {held['plain'] / 2**20:11.2f} "
          f"{held['spectral'] / held['plain']:9.3f}")  # fmt: skip


def packed_map(channels: int, side: int, density: float) -> None:
    """Bytes of one thresholded map without margin, as a convolution after it holds them."""
    x = torch.randn(8, channels, side, side, generator=torch.Generator().manual_seed(0))
    found = {}
    for store in ("exact", "bfloat16", "int8"):
        block = pb.nn.Threshold(0.0, store)  # type: ignore[arg-type]
        conv = pb.nn.SpecConv2d(channels, 4, 3)
        spectrum = pb.functional.to_spectrum(x.requires_grad_())
        magnitude = torch.linalg.vector_norm(spectrum.values.detach(), dim=1).flatten()
        block.beta.fill_(magnitude.quantile(1 - density) if len(magnitude) < 2**24 else 0)
        found[store] = pb.memory.saved(lambda b=block, c=conv, s=spectrum: c(b(s)).values).total
    ratios = ", ".join(f"{store} {held / (4 * x.numel()):.3f}" for store, held in found.items())
    print(f"{channels} x {side} x {side:6} {density:12g}   {ratios}")


if __name__ == "__main__":
    main()
