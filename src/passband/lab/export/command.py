"""``passband export``: makes a program of a model, checks it, writes it, and times it."""

import copy
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

import passband as pb
from passband.atomic import write_atomic
from passband.convert.layers import band_layers
from passband.lab.bench.machine import prepared
from passband.lab.bench.timing import Seconds, interleaved
from passband.lab.checks import check_count
from passband.lab.export.program import Program, check, difference, program
from passband.lab.export.result import Latency, Result, as_dict, show
from passband.lab.export.source import Source, source
from passband.lab.outcome import Outcome


def command(options: Namespace) -> Outcome:
    """Runs the command.

    Raises:
        TypeError, ValueError: The model is unknown, cannot be exported, or its program computes
            something else; nothing is written then.
        ImportError, OSError: The model does not import, an extra is missing, or a file is missing
            or cannot be written.
    """
    check_count("threads", options.threads)
    with prepared(options.threads):
        result = exported(options)
    return Outcome(as_dict(result), lambda console: show(console, result))


def exported(options: Namespace) -> Result:
    """Does what the words say."""
    check_count("batch", options.batch)
    check_count("repeats", options.repeats)
    found = source(options)
    fixed = options.fixed_batch
    x = torch.randn(max(options.batch, 1 if fixed else 2), *found.input_shape)
    check(found.model, options.format, fixed=fixed)
    _try(found, x)
    made = program(found.model, x, options.format, fixed=fixed)
    others = [] if fixed else [x[:1], torch.cat((x, x[:1].flip(-1)))]
    largest = difference(made.run, found.model, [x, *others])
    path = Path(options.out or f"{found.stem}.{options.format}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, made.content)
    batches = [options.batch] if fixed else sorted({1, options.batch})
    measured = {n: _latency(found.model, made, x[:n], options.repeats) for n in batches}
    return Result(
        options.model, options.format, str(path), len(made.content), found.input_shape,
        options.batch if fixed else None, options.threads, _keep(found.model, x[:1]), largest,
        tuple(Latency(name, n, s) for n, each in measured.items() for name, s in each.items()),
    )  # fmt: skip


def _try(found: Source, x: Tensor) -> None:
    """Refuses maps that the model does not take, and what is no map or logits in return."""
    try:
        with torch.inference_mode():
            y = found.model(x)
    except (RuntimeError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"the model takes no maps {tuple(x.shape)}: {error}") from error
    if not isinstance(y, Tensor):
        raise ValueError(f"a program returns one tensor; the model a {type(y).__name__}")


def _keep(model: nn.Module, x: Tensor) -> float | None:
    return pb.report(model, x).keep_measured if band_layers(model) else None


def _latency(model: nn.Module, made: Program, x: Tensor, repeats: int) -> Mapping[str, Seconds]:
    """Seconds of the program, and of what PyTorch would run in its place."""
    models = {"eager": model}
    if band_layers(model):
        models["frozen"], models["nn.Conv"] = copy.deepcopy(model), copy.deepcopy(model)
        pb.freeze_(models["frozen"])
        pb.revert_(models["nn.Conv"])
    runs: dict[str, Callable[[], object]] = {made.by: lambda: made.run(x)}
    runs |= {name: lambda one=one: one(x) for name, one in models.items()}  # type: ignore[misc]
    with torch.inference_mode():
        return interleaved(runs, repeats, x.device)
