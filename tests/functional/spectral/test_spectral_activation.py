"""Activations of spectra: maps stay real, derivatives are those of the values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import passband as pb
from passband.functional import (
    Part,
    activations,
    register_activation,
    spectral_activation,
    spectral_threshold,
    to_space,
    to_spectrum,
)
from passband.functional.spectral import activation as registry
from passband.functional.spectral.spectrum import SpectrumNorm
from spectra import (
    F32,
    F64,
    NORMS,
    Array,
    axes_of,
    close,
    maps,
    padded,
    random_spectrum,
    transformed,
    whole,
)

Function = Callable[[Array], Array]
PARTS: dict[str, Function] = {
    "identity": lambda x: x,
    "tanh": np.tanh,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "arctan": np.arctan,
    "hardtanh": lambda x: np.clip(x, -1, 1),
    "softshrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "relu": lambda x: np.maximum(x, 0),
}
TABLE: dict[str, tuple[Function, Function]] = {
    **{name: (f, f) for name, f in PARTS.items() if name != "relu"},
    "relu-tanh": (PARTS["relu"], PARTS["tanh"]),
    "relu-identity": (PARTS["relu"], PARTS["identity"]),
}
NAMES = list(TABLE)
KINKS = {"hardtanh": [-1.0, 1.0], "softshrink": [-0.5, 0.5], "relu": [0.0]}
SMOOTH = [n for n in NAMES if not {"hardtanh", "softshrink", "relu"} & {*n.split("-")}]


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What is registered in a test is not there in others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_ACTIVATIONS", dict(registry._ACTIVATIONS))
        yield


def applied(full: Array, name: str) -> Array:
    real, imaginary = TABLE[name]
    out: Array = real(full.real) + 1j * imaginary(full.imag)
    return out


def test_the_table_has_all_that_the_library_brings() -> None:
    assert {*NAMES} <= {*activations()}
    assert {*activations()} - {*NAMES} <= {"algebraic"}  # of a docstring, if it ran before


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lengths", [(1,), (6,), (7,), (4, 4), (5, 6), (2, 3, 4)], ids=str)
def test_applied_to_every_frequency_it_leaves_real_maps(
    lengths: tuple[int, ...], name: str, norm: SpectrumNorm
) -> None:
    x = 1.5 * maps(2, 3, *lengths)
    s = to_spectrum(x, norm=norm)
    full = applied(transformed(x.numpy(), norm), name)
    ring = np.fft.ifftn(full, axes=axes_of(full), norm=norm)
    assert np.abs(ring.imag).max() < 1e-12
    found = spectral_activation(s, name)
    assert (found.space, found.lengths, found.norm) == (s.space, s.lengths, norm)
    close(whole(found), full, 1e-13)
    close(to_space(found), ring.real, 1e-12)


def test_an_even_function_of_the_imaginary_part_would_not() -> None:
    full = transformed(maps(1, 1, 6, 5).numpy(), "ortho")
    ring = np.fft.ifftn(full.real + 1j * np.abs(full.imag), axes=axes_of(full))
    assert np.abs(ring.imag).max() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_keeps_what_an_activation_must(name: str) -> None:
    x = np.linspace(-9, 9, 3601)
    for role, part in zip(("real", "imaginary"), activations()[name], strict=True):
        y = part.function(torch.from_numpy(x)).numpy()
        close(y, TABLE[name][role == "imaginary"](x), 1e-14)
        assert (np.diff(y) >= 0).all()  # monotone
        assert part.function(torch.zeros(1)).item() == 0.0
        if role == "imaginary":
            assert part.odd
            close(part.function(torch.from_numpy(-x)), -y, 1e-15)
        if part.odd:
            close(part.function(torch.from_numpy(-x)), -y, 1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_the_derivative_follows_from_the_value(name: str) -> None:
    x = torch.linspace(-6, 6, 1201, dtype=F64)
    for part in activations()[name]:
        away = torch.ones_like(x, dtype=torch.bool)
        for kink in KINKS.get(part.name, []):
            away &= (x - kink).abs() > 1e-6
        at = x[away].requires_grad_()
        y = part.function(at)
        (expected,) = torch.autograd.grad(y.sum(), at)
        close(part.derivative(y.detach()), expected, 1e-12)
        assert part.smooth == (part.name not in KINKS)


@pytest.mark.parametrize("dtype", [F64, F32, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_in_every_precision(name: str, dtype: torch.dtype) -> None:
    tolerance = {F64: 1e-13, F32: 1e-6, torch.bfloat16: 0.02}[dtype]
    s = random_spectrum((6, 5), batch=3, channels=19, dtype=dtype)
    values = s.values.requires_grad_()
    found = spectral_activation(s.with_values(values), name).values
    assert found.dtype == dtype
    exact = values.detach().double().requires_grad_()
    parts = zip(TORCH[name], exact.unbind(1), strict=True)
    expected = torch.stack([f(x) for f, x in parts], 1)
    close(found, expected, tolerance)
    cotangent = maps(*values.shape, dtype=dtype, seed=1)
    (one,) = torch.autograd.grad(found, values, cotangent)
    (other,) = torch.autograd.grad(expected, exact, cotangent.double())
    close(one, other, 2 * tolerance)


OF_TORCH: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "tanh": torch.tanh,
    "softsign": F.softsign,
    "arctan": torch.atan,
    "hardtanh": F.hardtanh,
    "softshrink": F.softshrink,
    "relu": torch.relu,
}
TORCH = {name: (OF_TORCH[name.split("-")[0]], OF_TORCH[name.split("-")[-1]]) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_after_a_threshold_what_is_zero_stays_zero(name: str) -> None:
    s = random_spectrum((6, 5), batch=3, channels=19)
    full = whole(s)
    expected = applied(np.where(np.abs(full) >= 1, full, 0), name)
    values = s.values.requires_grad_()
    found = spectral_activation(spectral_threshold(s.with_values(values), 1.0), name)
    close(whole(found), expected, 1e-14)
    small = (values.detach().square().sum(1, keepdim=True) < 1).expand_as(values)
    (grad,) = torch.autograd.grad(found.values.sum(), values)
    assert torch.count_nonzero(grad[small]) == 0
    exact = values.detach().requires_grad_()
    parts = zip(TORCH[name], exact.unbind(1), strict=True)
    (other,) = torch.autograd.grad(torch.stack([f(x) for f, x in parts], 1).sum(), exact)
    close(grad[~small], other[~small], 1e-13)


def test_a_shifted_map_has_another_result_since_phases_are_split() -> None:
    x = 2 * maps(1, 1, 8)
    found, moved = (to_space(spectral_activation(to_spectrum(t))) for t in (x, x.roll(1, 2)))
    assert (moved - found.roll(1, 2)).norm() > 0.05 * found.norm()


def test_with_a_margin_it_is_that_of_the_padded_maps() -> None:
    x = maps(2, 3, 5, 4)
    found = spectral_activation(to_spectrum(x, (2, 3)), "tanh")
    close(whole(found), applied(transformed(padded(x, (7, 7)), "ortho"), "tanh"), 1e-13)


def tanh(name: str, **changed: object) -> Part:
    given: dict[str, object] = {
        "function": torch.tanh, "derivative": lambda y: 1 - y * y, **changed
    }  # fmt: skip
    return Part(name, **given)  # type: ignore[arg-type]


BROKEN: dict[str, tuple[Part, Part | None, str]] = {
    "not odd": (tanh("a"), Part("b", torch.relu, lambda y: (y > 0).to(y.dtype)), "not odd"),
    "not odd alone": (Part("a", torch.relu, lambda y: (y > 0).to(y.dtype)), None, "not odd"),
    "nearly odd": (
        tanh("b"), Part("a", lambda x: torch.tanh(x) + 1e-6 * x * x, lambda y: 1 - y * y),
        "not odd",
    ),
    "falls": (tanh("a", function=lambda x: -torch.tanh(x)), None, "not monotone"),
    "falls further out": (
        Part("a", lambda x: x * torch.exp(-x * x / 8), lambda y: 1 - y), None, "not monotone",
    ),
    "falls in the real part": (
        tanh("a", function=lambda x: torch.tanh(x) * (x > 0) - 0.01 * x), tanh("b"), "real part",
    ),
    "derivative of another": (tanh("a", derivative=lambda y: 1 - y), None, "derivative"),
    "derivative twice": (tanh("a", derivative=lambda y: 2 - 2 * y * y), None, "derivative"),
    "derivative of the argument": (
        tanh("a", derivative=lambda y: 1 / torch.cosh(y) ** 2), None, "derivative",
    ),
    "not 0 at 0": (tanh("a", function=lambda x: torch.tanh(x) + 0.1), None, "at 0"),
    "nan at 0": (tanh("a", function=lambda x: torch.tanh(x) * x / x), None, "at 0"),
}  # fmt: skip


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("case", BROKEN)
def test_what_would_break_maps_or_gradients_is_not_registered(case: str) -> None:
    real, imaginary, message = BROKEN[case]
    with pytest.raises(ValueError, match=message):
        register_activation("new", real, imaginary)
    assert "new" not in activations()
    with pytest.raises(ValueError, match="unknown activation of spectra 'new'"):
        spectral_activation(random_spectrum((4,)), "new")


@pytest.mark.usefixtures("forgotten")
def test_a_function_without_a_value_somewhere_is_not_registered() -> None:
    real = Part("a", torch.log1p, lambda y: torch.exp(-y), odd=False)
    with pytest.raises(ValueError, match="real part"):
        register_activation("new", real, tanh("b"))


def test_a_function_alone_is_not_registered() -> None:
    with pytest.raises(TypeError, match=r"'new': a function is a Part\(.*got <built-in"):
        register_activation("new", torch.tanh)  # type: ignore[arg-type]


@pytest.mark.usefixtures("forgotten")
def test_taken_names() -> None:
    with pytest.raises(ValueError, match="'tanh' already"):
        register_activation("tanh", tanh("a"))
    with pytest.raises(ValueError, match="function 'relu' already"):
        register_activation("new", tanh("relu"))
    register_activation("new", tanh("a"))
    with pytest.raises(ValueError, match="'new' already"):
        register_activation("new", tanh("a"))


@pytest.mark.usefixtures("forgotten")
def test_a_registered_activation_is_used_everywhere() -> None:
    root = Part("root", lambda x: x / (1 + x * x).sqrt(), lambda y: (1 - y * y) ** 1.5)
    register_activation("root", root)
    register_activation("leaky", Part(
        "leaky", lambda x: F.leaky_relu(x, 0.1), lambda y: torch.where(y > 0, 1.0, 0.1).to(y.dtype),
        odd=False, smooth=False,
    ), root)  # fmt: skip
    for name in ("root", "leaky"):
        s = random_spectrum((6, 5))
        values = s.values.requires_grad_()

        def run(v: Tensor, s: pb.Spectrum = s, name: str = name) -> Tensor:
            return spectral_activation(spectral_threshold(s.with_values(v), 0.4), name).values

        assert torch.autograd.gradcheck(run, values)
        block = pb.nn.SpecBlock2d(3, 4, 3, beta=0.2, activation=name)
        block(to_spectrum(torch.randn(2, 3, 6, 6), 1)).values.sum().backward()
        found = spectral_activation(s, name).values[:, 1]
        close(found, s.values[:, 1] / (1 + s.values[:, 1].square()).sqrt(), 1e-14)


S = random_spectrum((4,))
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "maps": (lambda: spectral_activation(torch.zeros(1, 1, 4)), TypeError, "ToSpectrum"),  # type: ignore[arg-type]
    "unknown": (lambda: spectral_activation(S, "gelu"), ValueError, "gelu.*tanh"),
    "store": (lambda: spectral_activation(S, "tanh", "int4"), ValueError, "int4"),  # type: ignore[arg-type]
    "layer": (lambda: pb.nn.SpectralActivation("gelu"), ValueError, "gelu"),
    "layer store": (lambda: pb.nn.SpectralActivation(store="x"), ValueError, "x"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_activated(case: str) -> None:
    make, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_that_jump_are_not_read_off_rounded_values(name: str) -> None:
    for store in ("bfloat16", "int8"):
        if name in SMOOTH:
            spectral_activation(S, name, store)
            pb.nn.SpectralActivation(name, store)
        else:
            with pytest.raises(ValueError, match=f"derivative of '{name}' jumps.*{store}"):
                spectral_activation(S, name, store)
            with pytest.raises(ValueError, match=name):
                pb.nn.SpecBlock2d(1, 1, 1, beta=0.1, activation=name, store=store)


def test_the_values_are_limited_and_no_activation_makes_them_larger() -> None:
    s = random_spectrum((6, 5), scale=100.0)
    limits = {"tanh": 1.0, "softsign": 1.0, "hardtanh": 1.0, "arctan": math.pi / 2}
    for name in NAMES:
        found = spectral_activation(s, name).values
        assert (found.abs() <= s.values.abs()).all()
        assert found.abs().max() <= limits.get(name, math.inf)
