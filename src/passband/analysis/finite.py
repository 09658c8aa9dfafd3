"""Which layer is the first whose numbers are not finite."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from passband.convert.layers import check_model
from passband.functional.spectral.spectrum import Spectrum


@contextmanager
def check_finite(model: nn.Module) -> Iterator[None]:
    """A scope in which the first layer that makes a NaN or an infinity of finite numbers raises.

    For looking, not for training: each layer's inputs, outputs and gradients are read once more.
    A band-limited layer spreads a NaN over its whole map, so that the map of a later layer does
    not tell where it began; this does. What is not finite before the model sees it, or comes back
    so from the loss, is nobody's here. While PyTorch compiles a model nothing is looked at.

    Args:
        model: any; layers of maps or spectra, ours or PyTorch's, functional code of a module
            being the module's. Its hooks are as before when the scope ends, and a backward pass
            after it is not looked at.

    Raises:
        TypeError: model is no module.
        FloatingPointError: in the scope, by the model's forward or backward pass; it names the
            layer and its kind, how many numbers are not finite and where the first lies.

    Examples:
        >>> import passband as pb
        >>> model = nn.Sequential(pb.nn.BandConv2d(1, 2, 3, keep=0.5), nn.ReLU())
        >>> _ = model[0].weight.data[1, 0, 0, 0].fill_(float("inf"))
        >>> with check_finite(model):  # doctest: +ELLIPSIS
        ...     model(torch.ones(1, 1, 4, 4))
        Traceback (most recent call last):
        FloatingPointError: layer '0' (BandConv2d), forward: 4 of 8 numbers of its output are not...
    """
    check_model("check_finite", model)
    watch = _Watch({module: name for name, module in model.named_modules()})
    handles = []
    for module in watch.names:
        handles.append(module.register_forward_pre_hook(watch.before, with_kwargs=True))
        handles.append(module.register_forward_hook(watch.after))
    try:
        yield
    finally:
        watch.over = True  # to hooks of graphs that live on
        for handle in handles:
            handle.remove()


@dataclass(eq=False)
class _Watch:
    """What runs inside a scope.

    Attributes:
        names: of the model's modules.
        over: whether the scope has ended.
    """

    names: Mapping[nn.Module, str]
    over: bool = False
    running: threading.local = field(default_factory=threading.local)

    def before(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """Of a module that begins: whether its inputs are finite, and of which nodes they are."""
        if torch.compiler.is_compiling():
            return
        given = list(_tensors((args, kwargs)))
        finite = all(map(_is_finite, given))
        self._stack().append((module, finite, [t.grad_fn for t in given]))

    def after(self, module: nn.Module, args: Any, output: Any) -> None:
        """Of a module that ends: whether its outputs are finite; its part of the graph is hooked.

        Raises:
            FloatingPointError: they are not, and its inputs were.
        """
        if torch.compiler.is_compiling():
            return
        stack = self._stack()
        while (begun := stack.pop())[0] is not module:
            pass  # an exception ended it, which was caught
        _, finite, sources = begun
        for t in _tensors(output):
            if finite and not _is_finite(t):
                raise self._error(module, "forward", "its output", t)
            self._hook(module, t.grad_fn, sources, finite)

    def _stack(self) -> list[tuple[nn.Module, bool, list[Node | None]]]:
        if not hasattr(self.running, "stack"):
            self.running.stack = []
        stack: list[tuple[nn.Module, bool, list[Node | None]]] = self.running.stack
        return stack

    def _hook(
        self, module: nn.Module, last: Node | None, sources: list[Node | None], finite: bool
    ) -> None:
        """Hooks the nodes of a module's graph, but those that its own modules have seen.

        Where its inputs were not finite, what backward makes of them is not its doing.
        """
        seen, waiting = {None, *sources}, [last]
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
            marks: Any = node.metadata
            if self not in marks and node.next_functions:  # or it is a parameter's
                marks[self] = True
                if finite:
                    node.register_hook(self._of_node(module))

    def _of_node(self, module: nn.Module) -> Callable[..., None]:
        def hook(found: Any, given: Any) -> None:
            if self.over or not all(map(_is_finite, _tensors(given))):
                return
            for t in _tensors(found):
                if not _is_finite(t):
                    raise self._error(module, "backward", "a gradient", t)

        return hook

    def _error(self, module: nn.Module, way: str, what: str, t: Tensor) -> FloatingPointError:
        name = self.names[module]
        whose = f"layer {name!r}" if name else "the model itself"
        wrong = ~t.detach().isfinite()
        first = tuple(wrong.nonzero()[0].tolist())
        spoilt = [n for n, p in module.named_parameters(recurse=False) if not _is_finite(p)]
        own = f"; its {' and '.join(spoilt)} is not finite either" if spoilt else ""
        return FloatingPointError(
            f"{whose} ({type(module).__name__}), {way}: {int(wrong.sum())} of {t.numel()} numbers "
            f"of {what} are not finite though what it was given is; the first, "
            f"{t.detach()[first].item()}, at {first} of {tuple(t.shape)}{own}"
        )


def _tensors(given: Any) -> Iterator[Tensor]:
    """Those in containers, and the values of spectra; of whole numbers or without numbers none."""
    if isinstance(given, Spectrum):
        given = given.values
    if isinstance(given, Tensor):
        if (given.is_floating_point() or given.is_complex()) and not given.is_meta:
            yield given
    elif isinstance(given, Mapping):
        yield from _tensors(tuple(given.values()))
    elif isinstance(given, tuple | list):
        for one in given:
            yield from _tensors(one)


def _is_finite(t: Tensor) -> bool:
    return bool(t.detach().isfinite().all())
