"""Steps that do not come to their end, at each place where that may happen; as a program.

Its arguments are where, how many such places further the next one is, and names of models. Places
are `allocation`, begun with `allocations.c` preloaded; or `call`, where Python sees to Ctrl-C: a
function of the library that is entered, or one in C that returns to it; or `mode`, the same in what
puts modes in force. It prints what was wrong afterwards.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from inspect import CO_GENERATOR
from pathlib import Path
from types import FrameType

import torch
from loaded_models import MODELS, gradients, maps, step
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode_stack, _pop_mode

import passband
from passband.convert import scope
from passband.memory import attach
from passband.memory.recipe import Step

OURS = str(Path(passband.__file__).parent)
MODES = tuple(f"{OURS}/{name}.py" for name in ("convert/scope", "memory/attach", "memory/mode"))


class EndedError(Exception):
    """Nothing came in the way."""


@contextmanager
def no_room(at: int) -> Iterator[Callable[[], bool]]:
    """A scope in which one allocation of memory fails; tells whether it did."""
    memory = ctypes.CDLL(None)
    memory.memory_arm(ctypes.c_long(at))
    try:
        yield lambda: bool(memory.memory_count() >= at)
    finally:
        memory.memory_arm(ctypes.c_long(0))


@contextmanager
def interrupt(at: int, files: str | tuple[str, ...] = OURS) -> Iterator[Callable[[], bool]]:
    """A scope in which Ctrl-C is pressed at some moment; tells whether it was."""
    count = 0

    def watch(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        code = frame.f_code
        if code.co_flags & CO_GENERATOR:  # that one of these is closed, nobody is told
            return
        if event in ("call", "c_return") and code.co_filename.startswith(files):
            count += 1
            if count == at:
                raise KeyboardInterrupt

    sys.setprofile(watch)
    try:
        yield lambda: count >= at
    finally:
        sys.setprofile(None)


Place = Callable[[int], AbstractContextManager[Callable[[], bool]]]
PLACES: Mapping[str, Place] = {
    "allocation": no_room,
    "call": interrupt,
    "mode": partial(interrupt, files=MODES),
}
ERRORS = (RuntimeError, MemoryError, KeyboardInterrupt)


def alive() -> tuple[int, int]:
    """Bytes of tensors, and steps of recipes."""
    gc.collect()
    found = gc.get_objects()
    storages = [t.untyped_storage() for t in found if type(t) in (Tensor, nn.Parameter)]
    sizes = {storage._cdata: storage.nbytes() for storage in storages}
    return sum(sizes.values()), sum(type(each) is Step for each in found)


def renew(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Statistics, and the random numbers of a policy that rounds, as they were."""
    model.load_state_dict(state)
    for hook in model._forward_pre_hooks.values():
        if isinstance(hook, partial):
            hook.args[1].seed(0)


def problems(place: str, name: str, every: int) -> tuple[int, list[str]]:
    """How many steps were ended early, and what was wrong after one of them."""
    x, model, found = maps(), MODELS[name](), list[str]()
    fresh = {key: value.clone() for key, value in model.state_dict().items()}
    renew(model, fresh)
    step(name, model, x)
    expected = {key: value.clone() for key, value in gradients(model).items()}
    model.zero_grad()
    bytes_before = alive()
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    count = 0
    for at in range(1, 100_000, every):
        renew(model, fresh)
        error = ""
        with PLACES[place](at) as reached:
            try:
                step(name, model, x)
            except ERRORS as raised:
                error = f"{type(raised).__name__}: {raised}"
            came = reached()
        if not came:
            break
        count += 1
        where = f"{name}, {place} {at} ({error[:200]})"
        if not error:
            found.append(f"{where}: was not told")
        found += [
            f"{where}: half a gradient of {key}"
            for key, value in gradients(model).items()
            if not torch.equal(value, expected[key])
        ]
        model.zero_grad()
        renew(model, fresh)
        step(name, model, x)
        after = gradients(model)
        if any(not torch.equal(after[key], value) for key, value in expected.items()):
            found.append(f"{where}: other gradients afterwards")
        model.zero_grad()
        del after
        if _get_current_function_mode_stack() or scope._DECIDED.get() or attach._entered.stack:
            found.append(f"{where}: a mode stays")
            for _ in _get_current_function_mode_stack():  # this is to be told once
                _pop_mode()
            scope._DECIDED.set(False)
        if hooks != [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]:
            found.append(f"{where}: a hook more or less")
        if count % 10 == 0 and (now := alive()) != bytes_before:
            found.append(f"{where}: holds {now}, before {bytes_before}")
            bytes_before = now
    return count, found


if __name__ == "__main__":
    place, every, *names = sys.argv[1:]
    print(json.dumps({name: problems(place, name, int(every)) for name in names}))
