"""How a tensor is computed again from tensors that are held anyway.

A `Step` is the structure of such a computation and has no tensor in it; a `Recipe` adds the tensors
that it starts from. An autograd function that needs a tensor for backward saves what its recipe
starts from (`hold`) and computes the tensor when its turn comes (`held`). What several functions of
one backward pass need is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary


class Step:
    """A tensor that is held, or a function of other steps.

    Args:
        function: of the inputs' values; None for a tensor that is held.
        inputs: what it is a function of.
        convolution: whether the function is one, and so takes time.
    """

    def __init__(
        self,
        function: Callable[..., Tensor] | None = None,
        inputs: Iterable[Step] = (),
        *,
        convolution: bool = False,
    ) -> None:
        self.function, self.inputs, self.convolution = function, tuple(inputs), convolution
        self._uses = self._left = 0
        self._value: Tensor | None = None

    def every(self) -> Iterator[Step]:
        """This step and all that it is a function of, each once."""
        seen, waiting = {self}, [self]
        while waiting:
            step = waiting.pop()
            yield step
            new = set(step.inputs) - seen
            seen |= new
            waiting += new

    def value(self, known: Mapping[Step, Tensor]) -> Tensor:
        """The tensor, computed from those that are held, and kept while others will ask for it."""
        if self.function is None:
            return known[self]
        if self._value is None:
            self._value = self.function(*(step.value(known) for step in self.inputs))
        return self._value

    def promise(self) -> None:
        """One function more will ask for the value in each backward pass."""
        self._uses += 1

    def asked(self) -> None:
        """One of them has asked."""
        self._left = (self._left or self._uses) - 1
        if not self._left:
            self._value = None

    def forget(self) -> None:
        """The backward pass is over."""
        self._left, self._value = 0, None


class Start(NamedTuple):
    """A tensor that a recipe starts from, and its version when the recipe was written."""

    tensor: Tensor
    version: int

    @property
    def stale(self) -> bool:
        """Whether it was written to since, or let go: FSDP frees the parameters it gathered."""
        gone = self.tensor.numel() > 0 and self.tensor.untyped_storage().nbytes() == 0
        return gone or self.tensor._version != self.version


@dataclass(frozen=True)
class Recipe:
    """A step, and the tensors that it starts from."""

    step: Step
    start: Mapping[Step, Start] = field(repr=False)

    @property
    def convolutions(self) -> int:
        """How many are computed again."""
        return sum(step.convolution for step in self.step.every())


Stored = Callable[["Recipes", Tensor], Recipe]
"""How a tensor is held: its recipe from smaller ones."""


@dataclass(frozen=True)
class _Known:
    """What is known of a tensor; without a start it is held itself."""

    step: Step
    start: Mapping[Step, Start] | None
    version: int


class Recipes:
    """What is known, during one forward pass, of tensors that are still alive.

    Args:
        most: convolutions that may be computed again for one tensor, which otherwise is held.
    """

    def __init__(self, most: int) -> None:
        self._most, self._known = most, WeakTensorKeyDictionary()

    def of(self, x: Tensor) -> Recipe | None:
        """How `x` is computed again from what is held anyway; None if that is not known."""
        known: _Known | None = self._known.get(x)
        if known is None or known.version != x._version:  # it was written to
            return None
        if known.start is None:
            return Recipe(known.step, {known.step: Start(x, known.version)})
        if any(start.stale for start in known.start.values()):
            return None
        return Recipe(known.step, known.start)

    def wanted(self, x: Tensor) -> Recipe:
        """How `x` is computed again, for who will hold what that starts from: at worst `x`."""
        return self.of(x) or self.itself(x)

    def itself(self, x: Tensor) -> Recipe:
        """The recipe of a tensor that will be held as it is."""
        step = Step()
        self._known[x] = _Known(step, None, x._version)
        return Recipe(step, {step: Start(x, x._version)})

    def remember(self, x: Tensor, recipe: Recipe) -> None:
        """From now on `x` is known to be computed so, unless that takes too long."""
        if recipe.convolutions <= self._most:
            self._known[x] = _Known(recipe.step, recipe.start, x._version)


def derived(
    function: Callable[..., Tensor], inputs: Sequence[Recipe], *, convolution: bool = False
) -> Recipe:
    """The recipe of a function of tensors that have recipes."""
    steps = [recipe.step for recipe in inputs]
    return Recipe(Step(function, steps, convolution=convolution), _start(inputs))


def hold(ctx: Any, recipes: Sequence[Recipe], *others: Tensor | None) -> None:
    """Save for backward what recipes start from, and other tensors."""
    start = _start(recipes)
    ctx.steps, ctx.known = [recipe.step for recipe in recipes], list(start)
    for step in _every(ctx.steps):
        step.promise()
    ctx.save_for_backward(*(held.tensor for held in start.values()), *others)


def held(ctx: Any) -> tuple[list[Tensor], tuple[Tensor | None, ...]]:
    """The tensors of the recipes, computed again, and the others.

    Raises:
        RuntimeError: gradients of gradients are asked for: what is computed again does not depend
            on the tensors that it was first computed from.
    """
    if torch.is_grad_enabled():
        raise RuntimeError(
            "a memory policy keeps too little for gradients of gradients (create_graph=True): take "
            "it off with passband.memory.detach_(model), or revert_"
        )
    steps = _every(ctx.steps)
    saved, number = ctx.saved_tensors, len(ctx.known)
    known = dict(zip(ctx.known, saved[:number], strict=True))
    values = [step.value(known) for step in ctx.steps]
    for step in steps:
        step.asked()

    def forget() -> None:
        for step in steps:
            step.forget()

    # Of a backward pass that does not reach all who would ask, nothing may stay.
    torch.autograd.Variable._execution_engine.queue_callback(forget)
    return values, saved[number:]


def pulled_back(
    function: Callable[..., Tensor], values: Sequence[Tensor], grad: Tensor
) -> tuple[Tensor, ...]:
    """Gradients of a function, which is computed again, at these values.

    Gradients of them know the gradient of the output alone: enough where the function is linear.
    """
    again = torch.is_grad_enabled()
    at = [value.detach().requires_grad_() for value in values]
    with torch.enable_grad():
        return torch.autograd.grad(function(*at), at, grad, create_graph=again)


def _start(recipes: Iterable[Recipe]) -> dict[Step, Start]:
    return {step: start for recipe in recipes for step, start in recipe.start.items()}


def _every(steps: Iterable[Step]) -> set[Step]:
    return {one for step in steps for one in step.every()}
