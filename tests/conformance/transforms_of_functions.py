"""What `torch.func` and forward-mode differentiation ask of a layer."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from contract import F64, Contract, assert_near, cotangent, results
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, linearize, vmap


class FunctionTransforms(Contract):
    """Function transforms: each is right, or raises."""

    def func_grad(self) -> None:
        """`torch.func.grad` of parameters and input"""
        model, x = self.evaluated(), self.maps()
        of: dict[str, Tensor] = dict(model.named_parameters())

        def objective(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
            torch.manual_seed(1)
            y: Tensor = functional_call(model, parameters, (x,))
            return (y * cotangent(y)).sum()

        parameters, given = grad(objective, argnums=(0, 1))(of, x)
        self.gradients_alike([given, *parameters.values()], results(self.evaluated(), x)[1:])

    def vmap(self) -> None:
        """`torch.func.vmap` over the batch"""
        model, x = self.evaluated(), self.maps()
        torch.manual_seed(1)
        found = vmap(model, randomness="same")(x[:, None])[:, 0]
        assert_near([found], [self.one_by_one(x)], 2e-5)

    def per_sample_gradients(self) -> None:
        """`vmap(grad)`: gradients of each sample"""
        model, x = self.evaluated(), self.maps()
        of: dict[str, Tensor] = dict(model.named_parameters())

        def objective(parameters: dict[str, Tensor], one: Tensor) -> Tensor:
            y: Tensor = functional_call(model, parameters, (one[None],))
            return y.square().sum()

        def gradients(one: Tensor) -> tuple[dict[str, Tensor], Tensor]:
            found: tuple[dict[str, Tensor], Tensor] = grad(objective, argnums=(0, 1))(of, one)
            return found

        parameters, given = vmap(gradients, randomness="same")(x)
        for i, one in enumerate(x):
            found = [given[i], *(p[i] for p in parameters.values())]
            leaf = one.clone().requires_grad_()
            torch.manual_seed(1)
            loss = model(leaf[None]).square().sum()
            expected = torch.autograd.grad(loss, [leaf, *model.parameters()])
            if "noise" not in self.subject.kinds:  # another for each call
                self.gradients_alike(found, expected, 5e-5)

    def jvp(self) -> None:
        """`torch.func.jvp`: correct, and not silently zero"""
        model, x, direction = self.evaluated(F64), self.maps(2, F64), self.maps(2, F64, seed=5)
        torch.manual_seed(1)
        found = jvp(model, (x,), (direction,))[1]
        self.gradients_alike([found], [self.along(x, direction)], 1e-5)

    def linearized(self) -> None:
        """`torch.func.linearize`: the same each time that it is called"""
        model, x = self.evaluated(F64), self.maps(2, F64)
        torch.manual_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's, of its own graphs
            _, linear = linearize(model, x)
        for seed in (5, 6, 7):
            direction = self.maps(2, F64, seed=seed)
            self.gradients_alike([linear(direction)], [self.along(x, direction)], 1e-5)

    def forward_mode(self) -> None:
        """Dual numbers (`torch.autograd.forward_ad`) through the input"""
        model, x, direction = self.evaluated(F64), self.maps(2, F64), self.maps(2, F64, seed=5)
        with forward_ad.dual_level():
            torch.manual_seed(1)
            y = model(forward_ad.make_dual(x, direction))
            found = forward_ad.unpack_dual(y).tangent
            if found is None:
                raise AssertionError("the tangent was lost")
        self.gradients_alike([found], [self.along(x, direction)], 1e-5)

    def jacrev(self) -> None:
        """`torch.func.jacrev` is the Jacobian"""
        found = jacrev(self.function())(self.at())
        self.gradients_alike([found], [self.jacobian()], 1e-5)

    def jacfwd(self) -> None:
        """`torch.func.jacfwd` is the Jacobian"""
        found = jacfwd(self.function(), randomness="same")(self.at())
        self.gradients_alike([found], [self.jacobian()], 1e-5)

    def at(self) -> Tensor:
        return self.maps(1, F64).flatten()[:5]

    def function(self) -> Callable[[Tensor], Tensor]:
        """Six outputs as a function of five samples of the input."""
        model, x = self.evaluated(F64), self.maps(1, F64)

        def some_outputs(some: Tensor) -> Tensor:
            torch.manual_seed(1)
            whole = torch.cat([some, x.flatten()[5:]]).view(x.shape)
            y: Tensor = model(whole)
            return y.flatten()[:: y.numel() // 5][:6]

        return some_outputs

    def jacobian(self) -> Tensor:
        """By backward, a row at a time."""
        some = self.at().requires_grad_()
        y = self.function()(some)
        rows = [torch.autograd.grad(one, some, retain_graph=True)[0] for one in y]
        return torch.stack(rows)

    def along(self, x: Tensor, direction: Tensor) -> Tensor:
        """The derivative along a direction, by backward of each output."""
        model, x = self.evaluated(F64), x.detach().requires_grad_()
        torch.manual_seed(1)
        y = model(x)
        rows = [
            (torch.autograd.grad(one, x, retain_graph=True)[0] * direction).sum()
            for one in y.flatten()
        ]
        return torch.stack(rows).view(y.shape)

    def one_by_one(self, x: Tensor) -> Tensor:
        model = self.evaluated()
        outs = []
        for one in x:
            torch.manual_seed(1)
            outs.append(model(one[None])[0])
        return torch.stack(outs).detach()
