"""A band convolution holds the smaller of its map and its kept half spectrum, to the byte."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import passband as pb
from passband.functional.plan import make_plan
from passband.kernels import missing
from passband.lab.models import create_model
from passband.memory import saved
from passband.transforms import precision

# PyTorch warns that it copies the map for an even kernel and padding="same".
pytestmark = pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel")

PlanName = Literal["auto", "fft", "dft", "spatial", "fused"]
PLANS: tuple[PlanName, ...] = ("auto", "fft", "dft", "spatial")
if missing("cpu") is None:
    PLANS += ("fused",)
BANDS = (
    pb.Band(keep=1), pb.Band(keep=0.5), pb.Band(keep=0.25), pb.Band(keep=1e-6),
    pb.Band(keep=0.5, fft_size="fast"), pb.Band(keep=0.1, fft_size="reference"),
    pb.Band(cutoff=0.4), pb.Band(modes=2),
)  # fmt: skip


class Case(NamedTuple):
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    channels: int = 2
    outputs: int = 4
    stride: int = 1
    padding: int | str = 0
    dilation: int = 1
    groups: int = 1
    padding_mode: str = "zeros"
    stride_mode: str = "sample"
    transposed: bool = False
    output_padding: int = 0

    @property
    def dims(self) -> int:
        return len(self.size)

    @property
    def name(self) -> str:
        changed = [
            f"{k}={v}" for k, v in self._asdict().items() if v != self._field_defaults.get(k)
        ]
        return ",".join(changed).replace(" ", "")

    def weight(self, dtype: torch.dtype) -> Tensor:
        rows, columns = self.outputs, self.channels // self.groups
        if self.transposed:
            rows, columns = self.channels, self.outputs // self.groups
        return torch.randn(rows, columns, *self.kernel, dtype=dtype)

    def map(self, dtype: torch.dtype) -> Tensor:
        return torch.randn(3, self.channels, *self.size, dtype=dtype)

    def arguments(self) -> dict[str, Any]:
        shared = {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }
        return shared | ({"output_padding": self.output_padding} if self.transposed else {})

    def band(self, x: Tensor, w: Tensor, b: Tensor | None, band: pb.Band, plan: PlanName) -> Tensor:
        kind = "_transpose" if self.transposed else ""
        form = getattr(pb.functional, f"band_conv{kind}{self.dims}d")
        modes = {"padding_mode": self.padding_mode, "stride_mode": self.stride_mode}
        options = self.arguments() | ({} if self.transposed else modes)
        out: Tensor = form(x, w, b, band=band, plan=plan, **options)
        return out

    def plain(self, x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        options = self.arguments()
        if self.padding_mode != "zeros":
            assert isinstance(self.padding, int)
            x = F.pad(x, [self.padding] * 2 * self.dims, self.padding_mode)
            options["padding"] = 0
        kind = "_transpose" if self.transposed else ""
        form: Callable[..., Tensor] = getattr(F, f"conv{kind}{self.dims}d")
        return form(x, w, b, **options)


def pads(case: Case, axis: int) -> tuple[int, int]:
    if case.padding == "valid":
        return 0, 0
    if isinstance(case.padding, str):
        total = case.dilation * (case.kernel[axis] - 1)
        return total // 2, total - total // 2
    return case.padding, case.padding


def ring(case: Case, band: pb.Band, axis: int) -> int:
    """Points of the transform, from DESIGN section 3."""
    n, k = case.size[axis], case.kernel[axis]
    left, right = pads(case, axis)
    span = case.dilation * (k - 1)
    if case.padding_mode == "circular":
        return n
    if case.padding_mode != "zeros":
        n, left, right = n + left + right, 0, 0
    if case.transposed:
        n = (n - 1) * case.stride - left - right + span + case.output_padding + 1
    outputs = (n + left + right - span - 1) // case.stride + 1
    last_read = (outputs - 1) * case.stride + span - left
    exact = n + max(left, last_read - (n - 1), 0)
    if band.fft_size == "minimal":
        return exact
    if band.fft_size == "reference":
        unstrided = n + left + right - span
        return 1 << (max(exact, n + left + right + unstrided - 1) - 1).bit_length()
    smooth = exact
    while any(smooth % p == 0 and p > 7 for p in primes(smooth)):
        smooth += 1
    return smooth


def primes(n: int) -> list[int]:
    return [p for p in range(2, n + 1) if n % p == 0 and all(p % q for q in range(2, p))]


def half_spectrum(lengths: Sequence[int], modes: Sequence[int]) -> int:
    """Bins |k| <= m - 1 of all axes, of each mirrored pair one, counted one by one."""
    kept = [[k for k in range(L) if min(k, L - k) < m] for L, m in zip(lengths, modes, strict=True)]
    pairs = {
        frozenset([bin_, tuple(-k % L for k, L in zip(bin_, lengths, strict=True))])
        for bin_ in itertools.product(*kept)
    }
    return len(pairs)


def expected(
    case: Case, band: pb.Band, dtype: torch.dtype, batch: int = 3, itemsize: int | None = None
) -> int:
    lengths = [ring(case, band, axis) for axis in range(case.dims)]
    modes = list(band.resolve(lengths))
    if case.stride_mode == "spectral":
        modes = [min(m, L // (2 * case.stride) + 1) for m, L in zip(modes, lengths, strict=True)]
    in_space = case.padding_mode in ("reflect", "replicate")  # they are part of the map
    size = [n + (sum(pads(case, i)) if in_space else 0) for i, n in enumerate(case.size)]
    in_map = math.prod(size) * dtype.itemsize
    itemsize = itemsize or (8 if dtype == torch.float64 else 4)
    in_spectrum = 2 * half_spectrum(lengths, modes) * itemsize
    return batch * case.channels * min(in_map, in_spectrum)


def cases(size: tuple[int, ...]) -> list[Case]:
    dims = len(size)
    k3, k4, k5 = (3,) * dims, (4,) * dims, (5,) + (2,) * (dims - 1)
    table = [
        Case(size, k3),
        Case(size, k3, padding=1),
        Case(size, k5, padding=2),
        Case(size, (1,) * dims),
        Case(size, k3, stride=2, padding=1),
        Case(size, k4, stride=3),
        Case(size, k3, dilation=2, padding=2),
        Case(size, k3, padding="same"),
        Case(size, k5, padding="same", dilation=2),
        Case(size, k4, padding="same"),
        Case(size, k3, padding="valid", groups=2),
        Case(size, k3, channels=4, groups=4, padding=1),
        Case(size, k3, padding=1, padding_mode="circular"),
        Case(size, k3, padding=2, padding_mode="reflect"),
        Case(size, k3, padding=1, padding_mode="replicate", stride=2),
        Case(size, k3, padding=1, stride=2, stride_mode="spectral"),
        Case(size, k3, padding=1, stride=3, padding_mode="circular", stride_mode="spectral"),
        Case(size, k3, transposed=True),
        Case(size, k4, transposed=True, stride=2, padding=1),
        Case(size, k3, transposed=True, stride=2, padding=1, output_padding=1, groups=2),
        Case(size, k3, transposed=True, dilation=2, padding=1, channels=4, groups=4),
    ]
    return table if dims < 3 else [c for i, c in enumerate(table) if i not in (2, 5, 10, 17)]


@pytest.fixture(autouse=True)
def without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that transforms half precision in float32, until a test says otherwise."""
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: False)
    make_plan.cache_clear()
    yield
    make_plan.cache_clear()


CASES = [*cases((23,)), *cases((12, 9)), *cases((7, 6, 8))]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_holds_the_smaller_of_map_and_spectrum(case: Case) -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        x = case.map(dtype).requires_grad_()
        w, b = nn.Parameter(case.weight(dtype)), torch.zeros(case.outputs, dtype=dtype)
        b.requires_grad_()
        plain = saved(lambda: case.plain(x, w, b)).total  # noqa: B023
        for band in BANDS:
            for plan in PLANS:
                run = lambda: case.band(x, w, b, band, plan)  # noqa: B023, E731
                found = saved(run)
                assert found.total == found.by_kind["conv input"], (band, plan, dtype)
                assert found.total <= plain, (band, plan, dtype)
                assert found.total == expected(case, band, dtype), (band, plan, dtype)


@pytest.mark.parametrize("case", CASES[::3], ids=[case.name for case in CASES[::3]])
def test_spectra_of_bfloat16_take_half(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: True)
    make_plan.cache_clear()
    x = case.map(torch.bfloat16).requires_grad_()
    w = nn.Parameter(case.weight(torch.bfloat16))
    for band in BANDS:
        found = saved(lambda: case.band(x, w, None, band, "dft")).total  # noqa: B023
        assert found == expected(case, band, torch.bfloat16, itemsize=2), band


WEIGHTS = [CASES[0], CASES[6], CASES[12], CASES[19], CASES[25], CASES[38], CASES[48]]


@pytest.mark.parametrize("case", WEIGHTS, ids=[case.name for case in WEIGHTS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_a_weight_that_is_no_parameter_adds_exactly_its_bytes(
    case: Case, dtype: torch.dtype
) -> None:
    x, w = case.map(dtype).requires_grad_(), case.weight(dtype).requires_grad_()
    for plan in PLANS:
        found = saved(lambda: case.band(x, w, None, pb.Band(keep=0.25), plan)).total  # noqa: B023
        assert found == expected(case, pb.Band(keep=0.25), dtype) + w.numel() * dtype.itemsize


@pytest.mark.parametrize("case", WEIGHTS, ids=[case.name for case in WEIGHTS])
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize(
    ("wants", "holds"),
    [
        ("x", {"weight"}), ("w", {"map"}), ("b", set()), ("xb", {"weight"}), ("wb", {"map"}),
        ("xw", {"map", "weight"}), ("", set()),
    ],
)  # fmt: skip
def test_what_no_gradient_needs_is_not_held(
    case: Case, plan: PlanName, wants: str, holds: set[str]
) -> None:
    x, w, b = case.map(torch.float32), case.weight(torch.float32), torch.zeros(case.outputs)
    for name, t in (("x", x), ("w", w), ("b", b)):
        t.requires_grad_(name in wants)
    band = pb.Band(keep=0.25)
    sizes = {"map": expected(case, band, torch.float32), "weight": 4 * w.numel()}
    found = saved(lambda: case.band(x, w, b, band, plan)).total
    assert found == sum(sizes[held] for held in holds)


def test_under_autocast_the_map_is_held_in_its_dtype_and_the_weight_not_copied() -> None:
    case = Case((12, 9), (3, 3), padding=1)
    x, w = case.map(torch.float32).requires_grad_(), nn.Parameter(case.weight(torch.float32))
    for plan in PLANS:
        for band in BANDS[1:]:
            with torch.autocast("cpu", torch.bfloat16):
                found = saved(lambda: case.band(x, w, None, band, plan)).total  # noqa: B023
            assert found == expected(case, band, torch.bfloat16), (plan, band)


def test_a_band_stated_as_an_energy_holds_the_band_that_it_found() -> None:
    t = torch.arange(64) / 64
    wave = torch.cos(2 * torch.pi * 3 * t)[None, None].repeat(2, 2, 1).requires_grad_()
    w = nn.Parameter(torch.randn(4, 2, 5))
    band = pb.Band(energy=0.99, dynamic=True)
    run = lambda: pb.functional.band_conv1d(  # noqa: E731
        wave, w, padding=2, band=band, padding_mode="circular"
    )
    # a wave of frequency 3 on the ring of 64 needs bins 0 to 3
    assert saved(run).total == 2 * 2 * (2 * 4) * 4


def test_a_converted_resnet_holds_what_its_report_says() -> None:
    torch.manual_seed(0)
    model = create_model("resnet18", num_classes=10, in_channels=3)
    x = torch.randn(4, 3, 32, 32)
    report = pb.convert_(model, pb.Band(keep=0.25), example=x)
    plans = [plan for row in report.converted for plan in row.plans]
    assert len(plans) == len(report.converted) == 17
    assert {plan.holds for plan in plans} == {"spectrum"}
    found = saved(lambda: model(x).sum())
    # the three shortcuts read what a ReLU holds already
    assert found.by_kind["conv input"] == sum(plan.held_bytes for plan in plans)
    # by hand: (channels, samples a side, stride) of each, ResNet-18's; even sizes at stride 2 never
    # read the padding on the right, so the ring is n + 1 points either way
    shapes = [(3, 32), *[(64, 32)] * 4, (64, 32), *[(128, 16)] * 3, (128, 16), *[(256, 8)] * 3]
    shapes += [(256, 8), *[(512, 4)] * 3]
    total = 0
    for channels, n in shapes:
        (m, _) = pb.Band(keep=0.25).resolve((n + 1, n + 1))
        total += 4 * channels * (1 + (2 * m - 1) ** 2) * 4
    assert found.by_kind["conv input"] == total
