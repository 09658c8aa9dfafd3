"""One case: every contender, in turns."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import torch

import passband as pb
from passband.lab.bench.case import Case
from passband.lab.bench.config import DTYPES, BenchConfig
from passband.lab.bench.contender import PLANS, WAYS, Contender, ours, plain
from passband.lab.bench.floor import Work, floor_seconds, look, ways
from passband.lab.bench.machine import Machine, Rates
from passband.lab.bench.peers import Peers, compiled, layer_peers, usable
from passband.lab.bench.row import OURS, PLAIN, Row
from passband.lab.bench.steps import STEPS, Step, precision
from passband.lab.bench.timing import Seconds, interleaved
from passband.memory.peak import peak_bytes


@dataclass(frozen=True)
class Measured:
    """The rows of a case, and notes on who could not take part."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Trial:
    """A contender and what it does; the work is known of PyTorch's modules and ours."""

    contender: Contender
    step: Step
    works: Sequence[Work] = ()


def measure(bench: BenchConfig, case: Case, dtype: str, machine: Machine, rates: Rates) -> Measured:
    """Measures a case in one precision.

    Args:
        bench: Says what is done with it.
        case: A layer or a network.
        dtype: One of ``DTYPES``.
        machine: Facts that go into each row.
        rates: Of the device in that dtype.
    """
    number, single = DTYPES[dtype], bench.command == "conv"
    device = torch.device(bench.device)
    generator = torch.Generator(device).manual_seed(0)
    x = torch.randn(case.shape, device=device, generator=generator)
    if single:
        x = x.to(number)  # the maps that autocast gives a layer inside a network

    def step(contender: Contender) -> Step:
        return STEPS[bench.command](contender.module, contender.x, number)

    with precision(number, device):  # what a layer holds and how depends on it
        plans = PLANS if single else ("auto",)
        keeps = case.keeps if bench.keep is None else bench.keep
        sure = [
            *plain(case, x),
            *ours(case, x, keeps, plans, training=bench.command != "inference"),
        ]
    asked = layer_peers(case, x) if single else Peers((), ())
    more = compiled(case, x) if bench.compiled else []
    peers = usable([*asked.contenders, *more], lambda one: step(one).run())
    trials = {_key(one): _Trial(one, step(one)) for one in (*sure, *peers.contenders)}
    for one in sure:
        trial = trials[_key(one)]
        trials[_key(one)] = replace(trial, works=look(one.module, trial.step, number))
    seconds = interleaved({key: t.step.run for key, t in trials.items()}, bench.repeats, device)
    reference = min(s.median for key, s in seconds.items() if key.startswith(f"{PLAIN} "))
    rows = tuple(
        Row(
            command=bench.command,
            group=case.group,
            case=case.name,
            contender=trial.contender.name,
            keep=trial.contender.keep,
            keep_measured=trial.contender.keep_measured,
            dtype=dtype,
            seconds=seconds[key].median,
            lower=seconds[key].lower,
            upper=seconds[key].upper,
            ratio=reference / seconds[key].median,
            floor_seconds=floor_seconds(trial.works, rates) if trial.works else None,
            peak_bytes=peak_bytes(trial.step.run, device),
            saved_bytes=_saved(trial),
            way=ways(trial.works),
            loss=_loss(trial, seconds),
            repeats=bench.repeats,
            **asdict(machine),
        )
        for key, trial in trials.items()
    )
    return Measured(rows, (*asked.notes, *peers.notes))


def _key(contender: Contender) -> str:
    """A name of its own for each contender of a case."""
    return contender.name if contender.keep is None else f"{contender.name} {contender.keep}"


def _saved(trial: _Trial) -> int | None:
    """What autograd holds after the forward pass; not to be seen inside a compiled one."""
    forward = trial.step.forward
    if forward is None or trial.contender.compiled:
        return None
    return pb.memory.saved(forward).total


def _loss(trial: _Trial, seconds: Mapping[str, Seconds]) -> float | None:
    """Time of the way that a single layer's auto plan chose over that of the fastest way."""
    if trial.contender.plan != "auto":
        return None
    auto = _key(trial.contender)
    names = {way: auto.replace(f"{OURS} auto", f"{OURS} {way}") for way in WAYS}
    known = {way: seconds[name].median for way, name in names.items() if name in seconds}
    chosen = ways(trial.works)
    return known[chosen] / min(known.values()) if chosen in known else None
