"""A policy on a model: its functions run by `MemoryMode` while the model does."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from functools import partial
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack, _pop_mode, _push_mode
from torch.utils.hooks import RemovableHandle

from passband.memory.mode import MemoryMode
from passband.memory.policy import MemoryPolicy

_ATTRIBUTE = "_passband_memory"
_SCRIPTED = "__prepare_scriptable__"  # what `torch.jit.script` calls


class _Attached(NamedTuple):
    policy: MemoryPolicy
    handles: tuple[RemovableHandle, ...]


class _Pass(NamedTuple):
    """A forward pass: of what, the mode that it began with, and the frame that it lives in."""

    module: nn.Module
    mode: MemoryMode | None
    frame: FrameType


class _Entered(threading.local):
    """The forward passes of this thread that have begun."""

    def __init__(self) -> None:
        self.stack: list[_Pass] = []


_entered = _Entered()


def attach_(model: nn.Module, policy: MemoryPolicy) -> None:
    """Let a model's forward pass hold what the policy says.

    Every module that has modules takes part, so that one of them alone, as activation
    checkpointing runs it, holds the same. A part of it may be given another policy afterwards.
    """
    detach_(model)
    chance = random.Random(0)
    for module in _containers(model):
        before = module.register_forward_pre_hook(partial(_enter, policy, chance), prepend=True)
        after = module.register_forward_hook(_leave, always_call=True)
        module.__dict__[_ATTRIBUTE] = _Attached(policy, (before, after))
        module.__dict__[_SCRIPTED] = _refuse


def detach_(model: nn.Module) -> None:
    """Take the policy off again."""
    _clear_away()
    for module in model.modules():
        attached: _Attached | None = module.__dict__.pop(_ATTRIBUTE, None)
        module.__dict__.pop(_SCRIPTED, None)
        for handle in attached.handles if attached is not None else ():
            handle.remove()


def policy_of(model: nn.Module) -> MemoryPolicy | None:
    """The policy of a model, if it has one."""
    attached: _Attached | None = model.__dict__.get(_ATTRIBUTE)
    return None if attached is None else attached.policy


def _containers(model: nn.Module) -> Iterator[nn.Module]:
    for module in model.modules():
        leaf = module is not model and next(module.children(), None) is None
        if not leaf and not isinstance(module, torch.jit.ScriptModule):
            yield module


def _refuse() -> None:
    raise RuntimeError(
        "torch.jit.script cannot compile a model with a memory policy: take it off with "
        "passband.memory.detach_(model), or use torch.compile, which leaves it out"
    )


def _enter(policy: MemoryPolicy, chance: random.Random, module: nn.Module, args: Any) -> None:
    if _followed():
        return
    _clear_away()
    frame = sys._getframe(1)  # of the module's call
    mode = None
    if torch.is_grad_enabled() and policy != _running():
        mode = MemoryMode(policy, chance, partial(_goes_on, frame))
    _entered.stack.append(_Pass(module, mode, frame))  # first: it may be interrupted here
    if mode is not None:
        mode.__enter__()  # type: ignore[no-untyped-call]


def _leave(module: nn.Module, args: Any, output: Any) -> None:
    if _followed() or not _entered.stack or _entered.stack[-1].module is not module:
        return
    mode = _entered.stack[-1].mode
    if mode is not None:
        mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        mode.ended()
    _entered.stack.pop()


def _followed() -> bool:
    """Whether a compiler or a tracer looks on, who shall see PyTorch's functions alone."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


def _clear_away() -> None:
    """Leave what passes have entered that are over: an interrupt skipped their `_leave`."""
    over = [one for one in _entered.stack if not _goes_on(one.frame)]
    if not over:
        return
    theirs = [one.mode for one in over]
    modes = _get_current_function_mode_stack()
    for _ in modes:
        _pop_mode()
    for mode in modes:
        if mode not in theirs:
            _push_mode(mode)
    _entered.stack = [one for one in _entered.stack if one not in over]


def _goes_on(frame: FrameType) -> bool:
    try:
        frame.clear()
    except RuntimeError:  # no frame is cleared while it is executed
        return True
    return False


def _running() -> MemoryPolicy | None:
    """The policy in force."""
    modes = reversed(_get_current_function_mode_stack())
    return next((mode.policy for mode in modes if isinstance(mode, MemoryMode)), None)
