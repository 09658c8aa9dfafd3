"""How a tensor is computed again from tensors that are held anyway.

A `Step` is the structure of such a computation and has no tensor in it; a `Recipe` adds the tensors
that it starts from. An autograd function that needs a tensor for backward saves what its recipe
starts from (`hold`) and computes the tensor when its turn comes (`held`). A convolution that
several functions of one backward pass need is computed once; all else takes little time, and is
computed again for each, so that nothing of it stays in memory between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from passband.transforms.recording import check_unbatched


class Step:
    """A tensor that is held, or a function of other steps.

    Args:
        function: of the inputs' values; None for a tensor that is held.
        inputs: what it is a function of.
        convolution: whether the function is one, and so takes time: its value is kept while others
            will ask for it.
    """

    def __init__(
        self,
        function: Callable[..., Tensor] | None = None,
        inputs: Iterable[Step] = (),
        *,
        convolution: bool = False,
    ) -> None:
        self.function, self.inputs, self.convolution = function, tuple(inputs), convolution
        self.kept: Tensor | None = None
        self._uses = self._left = 0

    def every(self) -> Iterator[Step]:
        """This step and all that it is a function of, each once."""
        seen, waiting = {self}, [self]
        while waiting:
            step = waiting.pop()
            yield step
            new = set(step.inputs) - seen
            seen |= new
            waiting += new

    def promise(self) -> None:
        """One function more will ask for it in each backward pass."""
        self._uses += 1

    def asked(self) -> None:
        """One of them has asked."""
        self._left = (self._left or self._uses) - 1
        if not self._left:
            self.kept = None

    def forget(self) -> None:
        """The backward pass is over."""
        self._left, self.kept = 0, None


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

    @property
    def length(self) -> int:
        """How many steps are computed again."""
        return sum(step.function is not None for step in self.step.every())


_LONGEST = 16  # steps of a recipe: sums of residual blocks start from each other, without end

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
        if recipe.convolutions <= self._most and recipe.length <= _LONGEST:
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
            on the tensors that it was first computed from. Or many gradients at once.
    """
    check_unbatched()
    if torch.is_grad_enabled():
        raise RuntimeError(
            "a memory policy keeps too little for gradients of gradients (create_graph=True): take "
            "it off with passband.memory.detach_(model), or revert_"
        )
    steps = _every(ctx.steps)
    saved, number = ctx.saved_tensors, len(ctx.known)
    known = dict(zip(ctx.known, saved[:number], strict=True))
    values = _values(ctx.steps, known)
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


def _values(steps: Sequence[Step], known: Mapping[Step, Tensor]) -> list[Tensor]:
    """Values of steps; those on the way are let go as soon as nothing here needs them."""
    uses = Counter(steps)
    waiting = list(uses)
    while waiting:
        step = waiting.pop()
        if step.kept is None:
            for one in step.inputs:
                if one not in uses:
                    waiting.append(one)
                uses[one] += 1
    found: dict[Step, Tensor] = {}
    return [_value(step, known, uses, found) for step in steps]


def _value(
    step: Step, known: Mapping[Step, Tensor], uses: Counter[Step], found: dict[Step, Tensor]
) -> Tensor:
    if step.function is None:
        return known[step]
    if step.kept is not None:
        return step.kept
    if step not in found:
        out = step.function(*(_value(one, known, uses, found) for one in step.inputs))
        if step.convolution:
            step.kept = out
            return out
        found[step] = out
    uses[step] -= 1
    return found[step] if uses[step] else found.pop(step)


def _start(recipes: Iterable[Recipe]) -> dict[Step, Start]:
    return {step: start for recipe in recipes for step, start in recipe.start.items()}


def _every(steps: Iterable[Step]) -> set[Step]:
    return {one for step in steps for one in step.every()}
