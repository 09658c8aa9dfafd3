"""Noise: its moments by kind, its seed, and what is refused."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
import scipy.stats
import torch

import passband as pb
from passband.functional import add_noise
from passband.functional.noise import NoiseKind

F64 = torch.float64
KINDS: tuple[Any, ...] = get_args(NoiseKind)
OF_KIND = {
    "gaussian": scipy.stats.norm(0, 0.3),
    "uniform": scipy.stats.uniform(-0.3 * math.sqrt(3), 0.6 * math.sqrt(3)),
    "laplace": scipy.stats.laplace(0, 0.3 / math.sqrt(2)),
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_distributed_as_it_should_be(kind: Any) -> None:
    x = torch.full((200, 500), 2.0, dtype=F64)
    noise = (add_noise(x, 0.3, kind, generator=seeded()) - x).flatten().numpy()
    n = noise.size
    # four standard errors of the mean and of the variance
    assert abs(noise.mean()) < 4 * 0.3 / math.sqrt(n)
    kurtosis = {"gaussian": 3, "uniform": 1.8, "laplace": 6}[kind]
    assert noise.var() == pytest.approx(0.09, rel=4 * math.sqrt((kurtosis - 1) / n))
    assert scipy.stats.kstest(noise, OF_KIND[kind].cdf).pvalue > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_independent_of_one_another(kind: Any) -> None:
    noise = add_noise(torch.zeros(2, 3, 200, 200), 1.0, kind, generator=seeded())
    for shifted in (noise.roll(1, 3), noise.roll(1, 2), noise.roll(1, 1), noise.roll(1, 0)):
        assert abs((noise * shifted).mean().item()) < 4 / math.sqrt(noise.numel())


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_noise_and_the_next_call_another(kind: Any) -> None:
    x = torch.zeros(3, 4)
    generator = seeded(5)
    first, second = (add_noise(x, 1.0, kind, generator=generator) for _ in range(2))
    assert torch.equal(first, add_noise(x, 1.0, kind, generator=seeded(5)))
    assert not torch.equal(first, second)
    state = torch.get_rng_state()
    add_noise(x, 1.0, kind, generator=generator)
    assert torch.equal(torch.get_rng_state(), state)  # PyTorch's own is not touched
    torch.manual_seed(5)
    assert torch.equal(add_noise(x, 1.0, kind), first)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_dtypes_in_are_dtypes_out(dtype: torch.dtype, kind: Any) -> None:
    x = torch.rand(50, generator=seeded()).to(dtype)
    found = add_noise(x, 0.5, kind, generator=seeded())
    assert found.dtype == dtype
    assert torch.equal(found, add_noise(x.float(), 0.5, kind, generator=seeded()).to(dtype))
    assert torch.equal(add_noise(x, 0, kind), x)


def test_gradients_pass_unchanged_and_nothing_is_held() -> None:
    x = torch.randn(3, 4, dtype=F64, requires_grad=True)
    y = torch.randn(3, 4, dtype=F64)
    for kind in KINDS:
        (back,) = torch.autograd.grad(add_noise(x, 0.5, kind), x, y)
        assert torch.equal(back, y)
        assert pb.memory.saved(lambda: add_noise(x, 0.5, kind)).total == 0  # noqa: B023
        assert torch.autograd.gradcheck(
            lambda x: add_noise(x, 0.5, kind, generator=seeded()),  # noqa: B023
            x,
        )


NOISE: Any = add_noise
X = torch.zeros(2)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: NOISE(X, -0.1), ValueError, "-0.1"),
        (lambda: NOISE(X, math.nan), ValueError, "nan"),
        (lambda: NOISE(X, math.inf), ValueError, "inf"),
        (lambda: NOISE(X, "loud"), TypeError, "'loud'"),
        (lambda: NOISE(X, True), TypeError, "True"),
        (lambda: NOISE(X, 0.1, "pink"), ValueError, "'pink'"),
        (lambda: NOISE(X, 0.1, generator=3), TypeError, "got 3"),
        (lambda: NOISE(X.int(), 0.1), TypeError, "int32"),
        (lambda: NOISE([1.0], 0.1), TypeError, "list"),
        (lambda: NOISE(X.to("meta"), 0.1, generator=seeded()), RuntimeError, "on meta"),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert text in str(caught.value)
