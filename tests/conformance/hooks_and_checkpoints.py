"""What hooks and activation checkpointing ask of a layer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from contract import Contract, Run, assert_near, cotangent, results
from torch import Tensor, nn
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)


class HooksAndCheckpoints(Contract):
    """Hooks, activation checkpointing, offloading."""

    def forward_hooks(self) -> None:
        """Forward hooks and pre-hooks see and change what passes, and can be removed"""
        model, seen = self.model(), list[str]()

        def before(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            seen.append("before")
            return tuple(2 * t for t in args)

        def after(module: nn.Module, args: object, out: Tensor) -> Tensor:
            seen.append("after")
            return 3 * out

        handles = [model.register_forward_pre_hook(before), model.register_forward_hook(after)]
        found = results(model, self.maps())
        assert seen == ["before", "after"]
        other = self.model()
        self.alike(found, results(other, self.maps(), lambda x: 3 * other(2 * x)))
        for handle in handles:
            handle.remove()
        self.alike(results(self.restored(model), self.maps()), results(self.model(), self.maps()))

    def backward_hooks(self) -> None:
        """Full backward hooks and pre-hooks, of it and of its parts, and hooks of tensors"""
        model, seen = self.model(), dict[str, Tensor]()

        def after(module: nn.Module, inputs: Any, outputs: tuple[Tensor, ...]) -> None:
            seen["input"], seen["output"] = inputs[0], outputs[0]

        def before(module: nn.Module, outputs: tuple[Tensor, ...]) -> None:
            seen["before"] = outputs[0]

        handles = [
            model.register_full_backward_hook(after),
            model.register_full_backward_pre_hook(before),
            *(p.register_hook(partial(seen.__setitem__, n)) for n, p in model.named_parameters()),
        ]
        found = results(model, self.maps())
        expected = results(self.model(), self.maps())
        self.alike(found, expected)
        given = cotangent(expected[0])
        assert_near([seen["output"], seen["before"]], [given, given], 1e-9)
        names = ["input", *dict(model.named_parameters())]
        assert_near([seen[name] for name in names], found[1:], 1e-9)
        for handle in handles:
            handle.remove()

    def checkpointed(self) -> None:
        """`checkpoint`, reentrant and not"""
        model = self.model()
        self.same(model, partial(checkpoint, model, use_reentrant=False))
        model, x = self.model(), self.maps().requires_grad_()
        torch.manual_seed(1)
        y = checkpoint(model, x, use_reentrant=True)
        y.backward(cotangent(y))
        found = [y, *(t.grad for t in (x, *model.parameters()) if t.grad is not None)]
        self.alike(found, results(self.model(), self.maps()))

    def checkpointed_selectively(self) -> None:
        """Selective checkpointing that holds products and convolutions"""
        model = self.model()
        contexts = partial(create_selective_checkpoint_contexts, _hold_products)
        self.same(model, partial(checkpoint, model, use_reentrant=False, context_fn=contexts))

    def saved_tensor_hooks(self) -> None:
        """Hooks on saved tensors, nested"""

        def hooks() -> AbstractContextManager[object]:
            return saved_tensors_hooks(lambda t: [t.detach().clone()], lambda held: held[0])

        def nested(model: nn.Module, x: Tensor) -> Tensor:
            with saved_tensors_hooks(torch.clone, torch.clone), hooks():
                y: Tensor = model(x)
            return y

        model = self.model()
        self.same(model, partial(nested, model))

    def offloaded(self) -> None:
        """`save_on_cpu`"""

        def offloading(model: nn.Module, x: Tensor) -> Tensor:
            with save_on_cpu(pin_memory=False):
                y: Tensor = model(x)
            return y

        model = self.model()
        self.same(model, partial(offloading, model))

    def same(self, model: nn.Module, run: Run) -> None:
        found: list[Tensor] = results(model, self.maps(), run)
        self.alike(found, results(self.model(), self.maps()))

    def restored(self, model: nn.Module) -> nn.Module:
        """With the state of a fresh one."""
        model.load_state_dict(self.model().state_dict())
        return model


def _hold_products(ctx: object, op: Any, *args: Any, **options: Any) -> CheckpointPolicy:
    held = op.namespace == "passband" or op._opname in ("convolution", "mm", "bmm", "addmm")
    return CheckpointPolicy.MUST_SAVE if held else CheckpointPolicy.PREFER_RECOMPUTE
