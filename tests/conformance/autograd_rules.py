"""What autograd asks of a layer."""

from __future__ import annotations

from functools import partial

import torch
from contract import F32, F64, Contract, Run, assert_near, cotangent, results
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck


class Gradients(Contract):
    """Gradients, and gradients of gradients."""

    def gradcheck(self) -> None:
        """Gradients are those of finite differences"""
        assert gradcheck(*self.at_a_point(), fast_mode=True)

    def gradgradcheck(self) -> None:
        """Gradients of gradients are those of finite differences"""
        assert gradgradcheck(*self.at_a_point(), fast_mode=True)

    def batched_gradients(self) -> None:
        """Many gradients at once (`is_grads_batched`)"""
        model, x = self.evaluated(), self.maps().requires_grad_()
        y = model(x)
        many = torch.stack([cotangent(y), 2 * cotangent(y)])
        (found,) = torch.autograd.grad(y, x, many, is_grads_batched=True)
        expected = results(model, x)[1]
        assert_near(found, torch.stack([expected, 2 * expected]), 2e-5)

    def retained_graph(self) -> None:
        """`retain_graph=True` gives the same again, and once freed it is not wrong"""
        model, x = self.model(), self.maps().requires_grad_()
        torch.manual_seed(1)
        y = model(x)
        wanted = [x, *model.parameters()]
        once = torch.autograd.grad(y, wanted, cotangent(y), retain_graph=True)
        again = torch.autograd.grad(y, wanted, cotangent(y))
        assert_near(again, once, 1e-6)
        self.alike([y, *once], results(self.model(), self.maps()))
        try:
            third = torch.autograd.grad(y, wanted, cotangent(y))
        except RuntimeError as error:
            if "second time" not in str(error):
                raise
        else:  # nothing is held, as of a sum
            assert_near(third, once, 1e-6)

    def frozen_parameters(self) -> None:
        """Parameters that need no gradient change no other gradient"""
        expected = results(self.model(), self.maps())
        model = self.model().requires_grad_(requires_grad=False)
        found = results(model, self.maps())
        self.alike(found, expected[:2])

    def expanded_gradients(self) -> None:
        """Gradients that are expanded, or strided, count as others do"""
        model, x = self.model(), self.maps().requires_grad_()
        torch.manual_seed(1)
        y = model(x)
        one = torch.ones((), dtype=y.dtype)
        strided = torch.ones(*y.shape, 2)[..., 0]
        wanted = [x, *model.parameters()]
        for given in (one.expand(y.shape), strided):
            found = torch.autograd.grad(y, wanted, given, retain_graph=True)
            expected = torch.autograd.grad(y, wanted, torch.ones_like(y), retain_graph=True)
            assert_near(found, expected, 2e-5)

    def between_in_place(self) -> None:
        """Neighbours work in place: `y.add_(1).relu_()` after it, `x.mul_(2)` before"""

        def written(model: nn.Module, x: Tensor) -> Tensor:
            y: Tensor = model((x + 0).mul_(2))
            return y.add_(0.1).relu_()

        def copied(model: nn.Module, x: Tensor) -> Tensor:
            y: Tensor = model(x * 2)
            return (y + 0.1).relu()

        for dtype in (F32, F64):  # which other kernels may compute
            found, expected = (
                results(model, self.maps(dtype=dtype), partial(run, model))
                for run, model in ((written, self.model(dtype)), (copied, self.model(dtype)))
            )
            self.alike(found, expected)

    def edited_before_backward(self) -> None:
        """What was held and is written to before backward is noticed, or does not matter"""
        expected = results(self.model(), self.maps())
        names = ["input", *dict(self.model().named_parameters())]
        for name in names:
            model, leaf = self.model(), self.maps().requires_grad_()
            x = leaf + 0
            torch.manual_seed(1)
            y = model(x)
            edited = x if name == "input" else dict(model.named_parameters())[name]
            with torch.no_grad():
                edited.mul_(3)
            try:
                found = torch.autograd.grad(y, [leaf, *model.parameters()], cotangent(y))
            except RuntimeError as error:
                if "modified by an inplace operation" not in str(error):
                    raise
            else:
                self.alike([y, *found], expected)

    def without_gradients(self) -> None:
        """`no_grad` and `inference_mode` compute the same"""
        expected = results(self.evaluated(), self.maps())[:1]
        model = self.evaluated()
        for scope in (torch.no_grad(), torch.inference_mode()):
            with scope:
                torch.manual_seed(1)
                self.alike([model(self.maps()).clone()], expected)

    def determinism(self) -> None:
        """The same seed gives the same bits, also of deterministic algorithms"""
        once, again = (results(self.model(), self.maps()) for _ in range(2))
        assert all(map(torch.equal, once, again))
        before = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(True)
        try:
            strict, stricter = (results(self.model(), self.maps()) for _ in range(2))
        finally:
            torch.use_deterministic_algorithms(before)
        assert all(map(torch.equal, strict, stricter))
        self.alike(strict, once)

    def used_twice(self) -> None:
        """One layer called twice adds up the gradients of both"""
        model = self.model()
        both = results(model, self.maps(), lambda x: model(x).cos() + model(2 * x))
        one, other = self.model(), self.model()

        def apart(x: Tensor) -> Tensor:
            y: Tensor = one(x).cos() + other(2 * x)
            return y

        x = self.maps().requires_grad_()
        torch.manual_seed(1)
        y = apart(x)
        half = [*one.parameters()], [*other.parameters()]
        grads = torch.autograd.grad(y, [x, *half[0], *half[1]], cotangent(y))
        n = len(half[0])
        sums = [a + b for a, b in zip(grads[1 : 1 + n], grads[1 + n :], strict=True)]
        self.alike(both, [y.detach(), grads[0], *sums])

    def at_a_point(self) -> tuple[Run, Tensor]:
        model = self.evaluated(F64)

        def seeded(x: Tensor) -> Tensor:
            torch.manual_seed(1)
            y: Tensor = model(x)
            return y

        return seeded, self.maps(2, F64).requires_grad_()
