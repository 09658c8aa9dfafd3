"""A policy on a model: its functions run by `MemoryMode` while the model does."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from functools import partial
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


class _Entered(threading.local):
    """The modules of this thread whose forward pass has begun, with the mode it began with."""

    def __init__(self) -> None:
        self.stack: list[tuple[nn.Module, MemoryMode | None]] = []


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
    if any(entered is module for entered, _ in _entered.stack for module in model.modules()):
        _abandon()  # an interrupt skipped its `_leave`
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
    if _entered.stack and _entered.stack[0][0] is module:  # an interrupt skipped its `_leave`
        _abandon()
    mode = None
    if torch.is_grad_enabled() and policy != _running():
        mode = MemoryMode(policy, chance)
        mode.__enter__()  # type: ignore[no-untyped-call]
    _entered.stack.append((module, mode))


def _leave(module: nn.Module, args: Any, output: Any) -> None:
    if _followed() or not _entered.stack or _entered.stack[-1][0] is not module:
        return
    _, mode = _entered.stack.pop()
    if mode is not None:
        mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]


def _followed() -> bool:
    """Whether a compiler or a tracer looks on, who shall see PyTorch's functions alone."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


def _abandon() -> None:
    """Leave what a forward pass that was interrupted has entered.

    Or one that goes on: of a model that calls itself. Then other modes stay as they are.
    """
    ours = [mode for _, mode in _entered.stack if mode is not None]
    modes = _get_current_function_mode_stack()
    for _ in modes:
        _pop_mode()
    for mode in modes:
        if mode not in ours:
            _push_mode(mode)
    _entered.stack.clear()


def _running() -> MemoryPolicy | None:
    """The policy in force."""
    modes = reversed(_get_current_function_mode_stack())
    return next((mode.policy for mode in modes if isinstance(mode, MemoryMode)), None)
