"""PyTorch's own checks of operators, for each that the library registers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from subjects import BAND, made, maps
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

NAMESPACE = "passband"


class Recorder(TorchDispatchMode):
    """Keeps the arguments of each operator of the library that is called."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        if func.namespace == NAMESPACE:
            self.calls.setdefault(func.name(), (func, args, options))
        return func(*args, **options)


def registered() -> list[str]:
    """Names of the library's operators."""
    names = torch._C._dispatch_get_all_op_names()
    return sorted({n.partition(".")[0] for n in names if n.startswith(f"{NAMESPACE}::")})


def called() -> Iterator[tuple[Any, tuple[Any, ...], dict[str, Any]]]:
    """Each operator as a traced layer calls it, forward and backward."""
    for subject in BAND:
        torch._dynamo.reset()
        model = made(subject)
        run = torch.compile(model, backend="eager")
        with Recorder() as recorder:
            y = run(maps(subject).requires_grad_())
            y.sum().backward()
        yield from recorder.calls.values()


@pytest.mark.filterwarnings("ignore")
def test_opcheck() -> None:
    seen = set()
    for operator, args, options in called():
        seen.add(operator.name().partition(".")[0])
        given = tuple(
            a.detach().requires_grad_(a.is_floating_point()) if isinstance(a, Tensor) else a
            for a in args
        )
        torch.library.opcheck(operator, given, options)
    assert seen == set(registered())
