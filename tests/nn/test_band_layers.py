"""BandConv layers beside nn.Conv layers: everything but the band is the same."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.functional.plan import make_plan
from passband.transforms import precision

F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16
Case = tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]
CASES: list[Case] = [
    ("Conv1d", (3, 4, 5), {"padding": "same", "dilation": 2}, (2, 3, 20)),
    ("Conv1d", (4, 6, 3), {"groups": 2, "padding_mode": "reflect", "padding": 1}, (2, 4, 20)),
    ("Conv2d", (3, 4, 3), {"padding": 1}, (2, 3, 12, 10)),
    ("Conv2d", (3, 4), {"kernel_size": (3, 1), "stride": (2, 1), "bias": False}, (2, 3, 12, 10)),
    ("Conv2d", (4, 4, 3, 1, 1, 1, 4, True, "circular"), {}, (2, 4, 12, 10)),
    ("Conv2d", (3, 4, 3), {"dtype": torch.float64, "padding": "valid"}, (2, 3, 12, 10)),
    ("Conv3d", (2, 3, 3), {"padding": 1, "padding_mode": "replicate"}, (1, 2, 6, 5, 7)),
    ("ConvTranspose1d", (4, 2, 4), {"stride": 2, "groups": 2}, (2, 4, 9)),
    ("ConvTranspose2d", (3, 4, 3, 2, 1, 1), {}, (2, 3, 6, 5)),
    ("ConvTranspose2d", (3, 4, 3), {"dilation": 2, "bias": False}, (2, 3, 6, 5)),
    ("ConvTranspose3d", (2, 3, 2), {"stride": (2, 1, 2)}, (1, 2, 3, 4, 3)),
]
IDS = [f"{name}{args}{options}" for name, args, options, _ in CASES]


def pair(case: Case, **band: Any) -> tuple[Any, Any, Tensor]:
    """The layer of PyTorch and ours from the same seed, and a map."""
    name, args, options, shape = case
    torch.manual_seed(3)
    plain = getattr(nn, name)(*args, **options)
    torch.manual_seed(3)
    ours = getattr(pb.nn, f"Band{name}")(*args, **options, **(band or {"keep": 0.3}))
    return plain, ours, torch.randn(shape, dtype=options.get("dtype", F32))


def functional(layer: Any, x: Tensor, band: pb.Band, plan: str = "auto") -> Tensor:
    dims, kind = len(layer.kernel_size), "_transpose" if layer.transposed else ""
    form = getattr(pb.functional, f"band_conv{kind}{dims}d")
    options = {
        "stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation,
        "groups": layer.groups, "band": band, "plan": plan,
    }  # fmt: skip
    if layer.transposed:
        options["output_padding"] = layer.output_padding
    else:
        options |= {"padding_mode": layer.padding_mode, "stride_mode": layer.stride_mode}
    out: Tensor = form(x, layer.weight, layer.bias, **options)
    return out


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_same_arguments_same_initialisation_same_state(case: Case) -> None:
    plain, ours, x = pair(case)
    assert isinstance(ours, type(plain))
    for (name, p), (other, q) in zip(
        plain.named_parameters(), ours.named_parameters(), strict=True
    ):
        assert name == other
        assert torch.equal(p, q), "the same seed draws the same weights"
        assert p.dtype == q.dtype
    assert list(ours.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(ours.state_dict(), strict=True)
    ours.load_state_dict(plain.state_dict(), strict=True)
    for attribute in plain.__constants__:
        assert getattr(ours, attribute) == getattr(plain, attribute), attribute
    assert ours.extra_repr() == f"{plain.extra_repr()}, band=Band(keep=0.3), plan='auto'"
    assert repr(ours) == f"Band{plain!r}"[:-1] + ", band=Band(keep=0.3), plan='auto')"
    assert torch.equal(ours(x), functional(ours, x, pb.Band(keep=0.3)))


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("plan", ["auto", "fft", "dft", "spatial"])
def test_keeping_everything_is_the_plain_layer(case: Case, plan: str) -> None:
    plain, ours, x = pair(case, keep=1, plan=plan)
    x = x.requires_grad_()
    (expected, got) = (plain(x), ours(x))
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    torch.testing.assert_close(got, expected)
    cotangent = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, (x, *plain.parameters()), cotangent)
    found = torch.autograd.grad(got, (x, *ours.parameters()), cotangent)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    if plan in ("auto", "spatial"):
        assert torch.equal(got, expected), "this is PyTorch's own convolution"


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_without_a_batch(case: Case) -> None:
    _, ours, x = pair(case)
    for i in range(len(x)):
        single = ours(x[i])
        assert single.shape == ours(x).shape[1:]
        torch.testing.assert_close(single, ours(x)[i])


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_band_may_be_assigned_at_any_time(case: Case) -> None:
    _, ours, x = pair(case)
    state = copy.deepcopy(ours.state_dict())
    for band in (pb.Band(cutoff=0.5), pb.Band(modes=1), pb.Band(keep=0.5, fft_size="reference")):
        ours.band = band
        assert torch.equal(ours(x), functional(ours, x, band))
        assert f"band={band}" in repr(ours)
    assert all(torch.equal(state[k], v) for k, v in ours.state_dict().items())


def test_keep_is_shorthand_and_all_settings_show() -> None:
    assert pb.nn.BandConv2d(1, 1, 3, keep=0.5).band == pb.Band(keep=0.5)
    assert pb.nn.BandConvTranspose1d(1, 1, 3, keep=1).band == pb.Band(keep=1)
    layer = pb.nn.BandConv1d(1, 1, 3, band=pb.Band(modes=3), plan="dft", stride_mode="spectral")
    assert repr(layer) == (
        "BandConv1d(1, 1, kernel_size=(3,), stride=(1,), band=Band(modes=3), plan='dft', "
        "stride_mode='spectral')"
    )


@pytest.mark.parametrize(
    ("name", "good", "bad", "error"),
    [
        ("band", pb.Band(modes=2), "half", TypeError),
        ("band", pb.Band(keep=(0.5, 0.25)), pb.Band(keep=(0.5, 0.5, 0.5)), ValueError),
        ("plan", "fft", "gpu", ValueError),
        ("stride_mode", "spectral", "skip", ValueError),
    ],
)
def test_a_setting_is_checked_when_it_is_assigned(
    name: str, good: object, bad: object, error: type[Exception]
) -> None:
    layer = pb.nn.BandConv2d(1, 1, 3, keep=0.5)
    setattr(layer, name, good)
    assert getattr(layer, name) == good
    with pytest.raises(error, match=r"half|3 entries|gpu|skip"):
        setattr(layer, name, bad)
    assert getattr(layer, name) == good


PLANS_FOR: list[tuple[Case, tuple[int, ...]]] = [  # and the transform lengths
    (CASES[0], (24,)),  # n + 4 of padding
    (CASES[1], (22,)),  # 20 and a reflection on either side
    (CASES[2], (13, 11)),
    (CASES[3], (12, 10)),
    (CASES[4], (12, 10)),  # the period
    (CASES[6], (8, 7, 9)),
    (CASES[7], (20,)),  # of the output
    (CASES[8], (13, 11)),  # output 12 x 10, padding 1
]


@pytest.mark.parametrize(("case", "lengths"), PLANS_FOR, ids=[str(c[:3]) for c, _ in PLANS_FOR])
@pytest.mark.parametrize("way", ["fft", "dft", "spatial"])
def test_plan_for(case: Case, lengths: tuple[int, ...], way: str) -> None:
    _, ours, x = pair(case, keep=0.2, plan=way)
    plan = ours.plan_for(x)
    assert plan.way == way
    assert plan.reason == "asked for"
    assert plan.geometry.lengths == lengths
    assert plan.geometry.modes == pb.Band(keep=0.2).resolve(lengths)
    assert ours.plan_for(x[0]).geometry == plan.geometry
    held = pb.memory.saved(lambda: ours(x)).total
    assert held == plan.held_bytes
    for part in (way, str(lengths), plan.holds):
        assert part in str(plan)


def test_plan_measure_takes_what_is_fastest_and_computes_the_same() -> None:
    torch.manual_seed(0)
    layer, x = (
        pb.nn.BandConv2d(2, 3, 3, padding=1, keep=0.3, plan="measure"),
        torch.randn(1, 2, 8, 8),
    )
    plan = layer.plan_for(x)
    assert plan.reason == "measured fastest"
    assert plan.way == min(plan.costs, key=lambda way: plan.costs[way])
    torch.testing.assert_close(layer(x), functional(layer, x, layer.band, "fft"))


@pytest.mark.parametrize("case", CASES[7:], ids=IDS[7:])
def test_transposed_output_size_is_that_of_pytorch(case: Case) -> None:
    plain, ours, x = pair(case, keep=1, plan="dft")
    for extra in range(max(plain.stride)):
        smallest = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                x.shape[2:], plain.stride, plain.padding, plain.dilation, plain.kernel_size,
                strict=True,
            )
        ]  # fmt: skip
        size = [m + min(extra, s - 1) for m, s in zip(smallest, plain.stride, strict=True)]
        for wanted in (size, [*x.shape[:1], plain.out_channels, *size]):
            expected, got = plain(x, output_size=wanted), ours(x, output_size=wanted)
            assert list(got.shape[2:]) == size
            torch.testing.assert_close(got, expected)
    with pytest.raises(ValueError, match="output size"):
        ours(x, output_size=[1] * len(plain.kernel_size))


def ulp(x: Tensor, dtype: torch.dtype) -> Tensor:
    """The distance of neighbouring numbers of a dtype at each value."""
    exponent = torch.frexp(x)[1] - 1
    return torch.finfo(dtype).eps * 2.0**exponent


@pytest.fixture
def without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has no instructions for products of bfloat16."""
    yield from _multiplying_bfloat16(monkeypatch, at_all=False)


@pytest.fixture
def with_bfloat16(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has."""
    yield from _multiplying_bfloat16(monkeypatch, at_all=True)


def _multiplying_bfloat16(monkeypatch: pytest.MonkeyPatch, *, at_all: bool) -> Iterator[None]:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: at_all)
    make_plan.cache_clear()
    yield
    make_plan.cache_clear()


@pytest.mark.parametrize("case", CASES[:5] + CASES[6:9], ids=IDS[:5] + IDS[6:9])
@pytest.mark.parametrize("plan", ["fft", "dft", "spatial"])
@pytest.mark.usefixtures("with_bfloat16")
def test_bfloat16_by_matrices_is_near(case: Case, plan: str) -> None:
    _, ours, x = pair(case, keep=0.3, plan=plan)
    small = copy.deepcopy(ours).to(BF16)
    ours.load_state_dict({k: v.float() for k, v in small.state_dict().items()})
    x = x.to(BF16).requires_grad_()
    exact_x = x.detach().float().requires_grad_()
    exact, got = ours(exact_x), small(x)
    assert got.dtype == BF16
    direction = torch.randn_like(exact).to(BF16)
    wanted = torch.autograd.grad(exact, [exact_x, *ours.parameters()], direction.float())
    found = torch.autograd.grad(got, [x, *small.parameters()], direction)
    for a, b in zip([exact, *wanted], [got, *found], strict=True):
        # nn.Conv in bfloat16: 0.0017 of the norm; here a handful of roundings more
        assert (a - b.float()).norm() <= 0.015 * a.norm()


@pytest.mark.parametrize("dtype", [BF16, F16], ids=str)
@pytest.mark.parametrize("case", CASES[:5] + CASES[6:9], ids=IDS[:5] + IDS[6:9])
@pytest.mark.parametrize("plan", ["fft", "dft", "spatial"])
@pytest.mark.usefixtures("without_bfloat16")
def test_half_precision_differs_by_its_rounding_only(
    case: Case, dtype: torch.dtype, plan: str
) -> None:
    _, ours, x = pair(case, keep=0.3, plan=plan)
    small, x = copy.deepcopy(ours).to(dtype), x.to(dtype)
    ours.load_state_dict({k: v.float() for k, v in small.state_dict().items()})
    exact, got = ours(x.float()), small(x)
    assert got.dtype == dtype
    # computed in float32 and rounded once: half a unit in the last place of each value
    assert ((got.float() - exact).abs() <= 0.51 * ulp(exact, dtype) + 1e-6).all()
    got.sum().backward()
    assert all(p.grad is not None and p.grad.dtype == dtype for p in small.parameters())


@pytest.mark.parametrize("case", CASES[:5] + CASES[6:], ids=IDS[:5] + IDS[6:])
@pytest.mark.parametrize("dtype", [BF16, F16], ids=str)
@pytest.mark.usefixtures("without_bfloat16")
def test_under_autocast_it_returns_what_nn_conv_returns(case: Case, dtype: torch.dtype) -> None:
    plain, ours, x = pair(case, keep=0.3)
    if x.dtype == torch.float64:
        pytest.skip("autocast leaves float64 alone")
    exact = ours(x.to(dtype).float())
    with torch.autocast("cpu", dtype):
        expected, got = plain(x), ours(x)
    assert got.dtype == expected.dtype == dtype
    # the map is rounded (the weight is not), and the result, once
    assert ((got.float() - exact).abs() <= 0.51 * ulp(exact, dtype) + 1e-6).all()
    got.sum().backward()
    assert all(p.grad.dtype == F32 for p in ours.parameters())


def test_autocast_leaves_float64_alone() -> None:
    layer = pb.nn.BandConv2d(2, 3, 3, keep=0.3, dtype=torch.float64)
    x = torch.randn(1, 2, 8, 8, dtype=torch.float64)
    plain = nn.Conv2d(2, 3, 3, dtype=torch.float64)
    with torch.autocast("cpu", BF16):
        assert layer(x).dtype == plain(x).dtype == torch.float64
        assert torch.equal(layer(x), functional(layer, x, layer.band))


def test_channels_last_and_strided_views_change_nothing() -> None:
    layer = pb.nn.BandConv2d(4, 6, 3, padding=1, keep=0.3)
    x = torch.randn(2, 4, 10, 10)
    expected = layer(x)
    torch.testing.assert_close(layer(x.to(memory_format=torch.channels_last)), expected)
    torch.testing.assert_close(layer(x.transpose(2, 3).contiguous().transpose(2, 3)), expected)
    wide = torch.randn(2, 4, 10, 20)
    wide[..., ::2] = x
    torch.testing.assert_close(layer(wide[..., ::2]), expected)


def test_a_batch_of_no_maps() -> None:
    layer, plain = pb.nn.BandConv2d(3, 4, 3, stride=2, keep=0.3), nn.Conv2d(3, 4, 3, stride=2)
    x = torch.empty(0, 3, 9, 9, requires_grad=True)
    assert layer(x).shape == plain(x).shape == (0, 4, 4, 4)
    layer(x).sum().backward()
    assert layer.weight.grad is not None
    assert not layer.weight.grad.any()


def test_keep_may_be_assigned_too() -> None:
    layer = pb.nn.BandConv2d(1, 1, 3, band=pb.Band(cutoff=0.5, fft_size="fast"))
    assert layer.keep is None
    layer.keep = 0.25
    assert layer.band == pb.Band(keep=0.25, fft_size="fast")
    with pytest.raises(ValueError, match=r"keep lies in \(0, 1\]; got 2"):
        layer.keep = 2
    assert layer.keep == 0.25


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("keep", [0.3, 1.0])
@pytest.mark.parametrize("plan", ["auto", "fft", "dft", "spatial"])
def test_outputs_can_be_written_to(plan: Any, keep: float, dtype: torch.dtype) -> None:
    """As those of `nn.Conv2d`: `y += x` and in-place activations follow convolutions everywhere."""
    layer = pb.nn.BandConv2d(3, 3, 3, stride=2, padding=1, keep=keep, plan=plan, dtype=dtype)
    x = torch.randn(2, 3, 9, 8, dtype=dtype)
    expected = torch.autograd.grad((layer(x) + 1).relu().sum(), layer.weight)
    y = layer(x)
    y += 1
    torch.testing.assert_close(torch.autograd.grad(y.relu_().sum(), layer.weight), expected)
