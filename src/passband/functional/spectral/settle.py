"""Norm, selection and activation of a spectrum: one autograd function for any of the three.

Elementwise, they read and write a spectrum once together, and hold one thing together: which
coefficients are kept, and their values after the activation, packed. The selection's gradient needs
no more than which; the activation's follows from its value; and the next convolution holds that
anyway. The norm's needs its input, which is computed again from what is held before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from passband.functional.spectral import elementwise
from passband.functional.spectral.activation import Part, activation_of
from passband.functional.spectral.held import Held, once
from passband.functional.spectral.spectrum import Spectrum
from passband.packing.sparse import Layout, Store, packed
from passband.transforms.precision import without_autocast
from passband.transforms.recording import check_followed, first_order, opaque


@dataclass(frozen=True)
class Affine:
    """What a norm does to each channel: `(x - mean) · reciprocal · weight + bias`, all `(C,)`.

    Attributes:
        mean: of the maps.
        reciprocal: 1 / √(variance + ε).
        weight: γ.
        bias: β.
        of_batch: whether mean and variance are those of these very maps.
    """

    mean: Tensor
    reciprocal: Tensor
    weight: Tensor
    bias: Tensor
    of_batch: bool


@dataclass(frozen=True)
class _How:
    """What backward needs beside tensors."""

    parts: tuple[Part, Part]
    unit: float
    own: int
    of_batch: bool

    @property
    def active(self) -> bool:
        """Whether a derivative is not simply 1."""
        return any(part.name != "identity" for part in self.parts)


class _Left:
    """What forward leaves for the spectrum that it returns; backward has no hold on it."""

    layout: Layout | None = None
    tensors: tuple[Tensor, ...] = ()
    mask: Tensor | None = None


@opaque
def settle(
    spectrum: Spectrum,
    *,
    affine: Affine | None = None,
    chosen: Tensor | None = None,
    beta: float | Tensor | None = None,
    activation: str = "identity",
    store: Store = "exact",
) -> Spectrum:
    """A spectrum after norm, selection and activation, each if it is given.

    Args:
        spectrum: of any sizes.
        affine: the norm.
        chosen: the coefficients that are kept, bool `(bins, N, C)`; or
        beta: the least magnitude that is kept.
        activation: a name of `activations`.
        store: how kept values are held for backward.
    """
    check_followed("spectral layers")
    how = _How(
        activation_of(activation),
        spectrum.unit,
        spectrum.own,
        affine is not None and affine.of_batch,
    )
    if torch.compiler.is_exporting():  # operations alone, whose gradients a program knows
        scale, shift = (None, None) if affine is None else _scale_and_shift(affine, how.unit)
        with without_autocast(spectrum.values.device):
            y, _ = elementwise.settle(spectrum.values, scale, shift, chosen, beta, how.parts)
        return spectrum.with_values(y)
    parameters = (None, None) if affine is None else (affine.weight, affine.bias)
    followed = any(t is not None and t.requires_grad for t in (spectrum.values, *parameters))
    recording = torch.is_grad_enabled() and followed
    held = spectrum.held() if recording and affine is not None else None
    left = _Left()
    if affine is None and chosen is None and beta is None:
        left.mask = spectrum.mask  # 0 stays 0
    with without_autocast(spectrum.values.device):
        out: Tensor = _Settle.apply(  # type: ignore[no-untyped-call]
            spectrum.values, *parameters, affine, chosen, beta, store, how, held,
            left if recording else None,
        )  # fmt: skip
    if not recording:
        return spectrum.with_values(out)
    if left.mask is not None:
        return spectrum.with_values(
            out, once(partial(_packed, left, out.detach(), store)), left.mask
        )
    if held is not None and affine is not None and not how.active:
        return spectrum.with_values(out, partial(_normed, held, affine, how, out.dtype))
    return spectrum.with_values(out)


def _packed(left: _Left, y: Tensor, store: Store) -> Held:
    if left.layout is None:
        assert left.mask is not None
        left.layout, left.tensors = packed(y, left.mask, store)
    return Held(left.tensors, left.layout.dense)


def _normed(held: Held, affine: Affine, how: _How, dtype: torch.dtype) -> Held:
    """What is held of a norm's output: what is of its input, and four numbers a channel."""
    of_batch = affine.of_batch

    def restore(*tensors: Tensor) -> Tensor:
        mean, reciprocal, weight, bias = (t.detach() for t in tensors[-4:])
        again = Affine(mean, reciprocal, weight, bias, of_batch)
        z = restored(*tensors[:-4]).to(dtype)
        return elementwise.settle(z, *_scale_and_shift(again, how.unit), None, None, how.parts)[0]

    restored = held.restore
    given = affine.mean, affine.reciprocal, affine.weight, affine.bias
    return Held((*held.tensors, *given), restore)


def _scale_and_shift(affine: Affine, unit: float) -> tuple[Tensor, Tensor]:
    scale = affine.weight * affine.reciprocal
    return scale, (affine.bias - scale * affine.mean) * unit


class _Settle(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, z: Tensor, weight: Tensor | None, bias: Tensor | None, affine: Affine | None,
        chosen: Tensor | None, beta: float | Tensor | None, store: Store, how: _How,
        held: Held | None, left: _Left | None,
    ) -> Tensor:  # fmt: skip
        scale, shift = (None, None) if affine is None else _scale_and_shift(affine, how.unit)
        y, mask = elementwise.settle(z, scale, shift, chosen, beta, how.parts)
        if left is None:
            return y
        left.mask = left.mask if mask is None else mask
        of_value: tuple[Tensor, ...] = () if left.mask is None else (left.mask,)
        if how.active and left.mask is not None:
            left.layout, left.tensors = packed(y, left.mask, store)
            of_value = left.tensors
        elif how.active:
            of_value = (y,)
        of_norm: tuple[Tensor, ...] = ()
        ctx.how, ctx.layout, ctx.masked = how, left.layout, left.mask is not None
        if affine is not None and held is not None:
            needed = affine.of_batch or ctx.needs_input_grad[1]
            of_norm = affine.mean, affine.reciprocal, affine.weight
            of_norm += held.tensors if needed else ()
            ctx.restore = held.restore if needed else None
        ctx.of_value = len(of_value)
        ctx.save_for_backward(*of_value, *of_norm)
        return y

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        of_value, of_norm = saved[: ctx.of_value], saved[ctx.of_value :]
        mask = of_value[0] if ctx.masked else None
        kept = y = None
        if ctx.layout is not None:
            kept = ctx.layout.kept(*of_value)
        elif ctx.how.active:
            (y,) = of_value
        with without_autocast(grad.device):
            grad = elementwise.settle_back(grad.contiguous(), ctx.how.parts, mask, kept, y)
            del kept, y
            if of_norm:
                return *_through_norm(ctx, grad, *of_norm), *[None] * 7
        return grad, *[None] * 9


def _through_norm(
    ctx: Any, grad: Tensor, mean: Tensor, reciprocal: Tensor, weight: Tensor, *held: Tensor
) -> tuple[Tensor, Tensor | None, Tensor]:
    r"""Gradients of the norm's input, weight and bias.

    With ẑ the normalised maps' spectrum, u the DC coefficient of a map of ones, N maps in the
    batch, μ multiplicities, and G the gradient: A = Σ G ẑ, B = Σ G at DC,

    .. math:: \gamma / \sigma\; (G - \mu \hat z A / (N u^2) - [k = 0]\, B / N).
    """
    how: _How = ctx.how
    scale = weight * reciprocal
    of_bias = grad[0, 0].to(scale.dtype).sum(0)
    if ctx.restore is None:
        return grad * scale.to(grad.dtype), None, of_bias * how.unit
    z = ctx.restore(*held).to(grad.dtype)
    of_weight = (elementwise.dot(grad, z) - mean * how.unit * of_bias) * reciprocal
    if not how.of_batch:
        return grad * scale.to(grad.dtype), of_weight, of_bias * how.unit
    batch = grad.shape[2]
    of_z = -scale * reciprocal * of_weight / (batch * how.unit**2)
    of_dc = -scale * of_bias / batch - of_z * mean * how.unit
    grad = elementwise.combine(grad, z, how.own, scale, of_z, of_dc)
    return grad, of_weight, of_bias * how.unit
