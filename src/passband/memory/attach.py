"""A policy on a model: its functions run by `MemoryMode` while the model does."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils.hooks import RemovableHandle

from passband.memory.mode import MemoryMode
from passband.memory.policy import MemoryPolicy

_ATTRIBUTE = "_passband_memory"


class _Attached(NamedTuple):
    policy: MemoryPolicy
    handles: tuple[RemovableHandle, ...]


class _Entered(threading.local):
    """The modules of this thread whose forward pass has begun, with the mode it began with."""

    def __init__(self) -> None:
        self.stack: list[tuple[nn.Module, MemoryMode | None]] = []


_entered = _Entered()


def attach_(model: nn.Module, policy: MemoryPolicy) -> None:
    """Let a model's forward pass hold what the policy says.

    Every module that has modules takes part, so that one of them alone, as activation
    checkpointing runs it, holds the same.
    """
    detach_(model)
    chance = random.Random(0)
    for module in _containers(model):
        before = module.register_forward_pre_hook(partial(_enter, policy, chance), prepend=True)
        after = module.register_forward_hook(_leave, always_call=True)
        module.__dict__[_ATTRIBUTE] = _Attached(policy, (before, after))


def detach_(model: nn.Module) -> None:
    """Take the policy off again."""
    for module in model.modules():
        attached: _Attached | None = module.__dict__.pop(_ATTRIBUTE, None)
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


def _enter(policy: MemoryPolicy, chance: random.Random, module: nn.Module, args: Any) -> None:
    if torch.compiler.is_compiling():
        return
    if _entered.stack and _entered.stack[0][0] is module:  # an interrupt skipped its `_leave`
        _abandon()
    mode = None
    if torch.is_grad_enabled() and not _running():
        mode = MemoryMode(policy, chance)
        mode.__enter__()  # type: ignore[no-untyped-call]
    _entered.stack.append((module, mode))


def _leave(module: nn.Module, args: Any, output: Any) -> None:
    if torch.compiler.is_compiling() or not _entered.stack or _entered.stack[-1][0] is not module:
        return
    _, mode = _entered.stack.pop()
    if mode is not None:
        mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]


def _abandon() -> None:
    """Leave what a forward pass that was interrupted has entered."""
    for _, mode in reversed(_entered.stack):
        if mode is not None and _get_current_function_mode_stack()[-1:] == [mode]:
            mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]
    _entered.stack.clear()


def _running() -> bool:
    return any(isinstance(mode, MemoryMode) for mode in _get_current_function_mode_stack())
