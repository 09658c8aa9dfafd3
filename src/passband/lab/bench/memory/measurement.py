"""One technique: its bytes, and its steps in turns with those of the plain network."""

from dataclasses import asdict

import torch
from torch import Tensor, nn

from passband.lab.bench.config import DTYPES
from passband.lab.bench.contender import laid_out
from passband.lab.bench.machine import Machine
from passband.lab.bench.memory.accuracy import Lessons
from passband.lab.bench.memory.config import MemoryConfig
from passband.lab.bench.memory.footprint import footprint
from passband.lab.bench.memory.row import Row
from passband.lab.bench.memory.technique import PLAIN, Technique, apply
from passband.lab.bench.steps import Step, training_step
from passband.lab.bench.timing import interleaved


def prepared(
    bench: MemoryConfig, technique: Technique, batch: int | None = None
) -> tuple[nn.Module, Tensor, float | None]:
    """The network as a technique runs it, a random batch, and what its layers really keep.

    The same random weights each time, in training.

    Args:
        bench: Says which network, on which device.
        technique: Which one.
        batch: Samples; None for the run's own.
    """
    device = torch.device(bench.device)
    case = bench.case(batch)
    generator = torch.Generator(device).manual_seed(0)
    x = torch.randn(case.shape, device=device, generator=generator)
    model, x = laid_out(case, x, "contiguous")
    module, keep_measured = apply(technique, model, x[:2])
    return module.train(), x, keep_measured


def measure(bench: MemoryConfig, technique: Technique, machine: Machine, lessons: Lessons) -> Row:
    """Measures a technique.

    Args:
        bench: Says on what and how often.
        technique: Which one.
        machine: Facts that go into the row.
        lessons: Train by it, if they are to.
    """
    module, x, keep_measured = prepared(bench, technique)
    dtype = DTYPES[technique.dtype]
    step = training_step(module, x, dtype)
    plains = step if technique == PLAIN else _plain(bench)
    runs = {PLAIN.label: plains.run, technique.label: step.run}
    times = interleaved(runs, bench.repeats, x.device)
    mine = times[technique.label]
    counted = footprint(module, x, dtype, step)
    return Row(
        model=bench.model,
        batch=bench.batch,
        technique=technique.name,
        keep=technique.keep,
        keep_measured=keep_measured,
        seconds=mine.median,
        lower=mine.lower,
        upper=mine.upper,
        ratio=mine.median / times[PLAIN.label].median,
        saved_bytes=counted.saved,
        peak_bytes=counted.peak,
        promised_bytes=counted.promised,
        **asdict(lessons.accuracy(technique)),
        repeats=bench.repeats,
        **asdict(machine),
    )


def _plain(bench: MemoryConfig) -> Step:
    module, x, _ = prepared(bench, PLAIN)
    return training_step(module, x, DTYPES[PLAIN.dtype])
